/** Whole numbers are written without a point, as by Redis's Lua 5.1: fengari reads this when it is loaded. */
process.env['FENGARICONF'] = JSON.stringify({ LUA_COMPAT_FLOATSTRING: true })

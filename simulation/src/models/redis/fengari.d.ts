/** As much as is used of Lua in JavaScript (https://github.com/fengari-lua/fengari), which comes without types. */
declare module 'fengari' {
  export interface State {
    readonly brand: 'lua_State'
  }
  type LuaString = Uint8Array
  type LuaFunction = (state: State) => number

  export function to_luastring(text: string): LuaString

  export const lua: {
    LUA_OK: number
    LUA_TNIL: number
    LUA_TBOOLEAN: number
    LUA_TNUMBER: number
    LUA_TSTRING: number
    LUA_TTABLE: number
    lua_type(state: State, index: number): number
    lua_gettop(state: State): number
    lua_settop(state: State, index: number): void
    lua_toboolean(state: State, index: number): boolean
    lua_tonumber(state: State, index: number): number
    lua_tostring(state: State, index: number): LuaString
    lua_pushnil(state: State): void
    lua_pushboolean(state: State, value: boolean): void
    lua_pushnumber(state: State, value: number): void
    lua_pushstring(state: State, value: LuaString): void
    lua_pushcfunction(state: State, code: LuaFunction): void
    lua_createtable(state: State, items: number, fields: number): void
    lua_rawgeti(state: State, index: number, at: number): number
    lua_rawseti(state: State, index: number, at: number): void
    lua_getfield(state: State, index: number, name: LuaString): number
    lua_setfield(state: State, index: number, name: LuaString): void
    lua_setglobal(state: State, name: LuaString): void
    lua_pcall(state: State, given: number, results: number, handler: number): number
    lua_error(state: State): number
  }
  export const lauxlib: {
    luaL_newstate(): State
    luaL_loadbuffer(state: State, code: LuaString, length: number, name: LuaString): number
    luaL_requiref(state: State, name: LuaString, open: LuaFunction, isGlobal: boolean): void
  }
  export const lualib: Record<
    'luaopen_base' | 'luaopen_string' | 'luaopen_table' | 'luaopen_math',
    LuaFunction
  >
}

declare module 'fengari/src/lobject.js' {
  interface LuaValue {
    value: unknown
    ttisinteger(): boolean
    setfltvalue(value: number): void
  }
  const lobject: {
    luaO_str2num(text: Uint8Array, into: LuaValue): number
  }
  export = lobject
}

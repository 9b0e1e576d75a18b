import './lua-numbers.ts'
import { lauxlib, lua, lualib, type State, to_luastring } from 'fengari'
import { isList, type Reply } from './resp.ts'

const LIBRARIES = {
  _G: lualib.luaopen_base,
  string: lualib.luaopen_string,
  table: lualib.luaopen_table,
  math: lualib.luaopen_math,
}

/** Runs a script as EVAL does; `call` does the commands that it asks for. */
export function runScript(
  script: string,
  keys: readonly string[],
  args: readonly string[],
  call: (command: readonly string[]) => Reply,
): Reply {
  const state = lauxlib.luaL_newstate()
  for (const [name, open] of Object.entries(LIBRARIES)) {
    lauxlib.luaL_requiref(state, to_luastring(name), open, true)
    lua.lua_settop(state, 0)
  }
  for (const [name, texts] of Object.entries({ KEYS: keys, ARGV: args })) {
    push(state, texts)
    lua.lua_setglobal(state, to_luastring(name))
  }
  const calling = (raises: boolean) => (of: State) => {
    const command = Array.from({ length: lua.lua_gettop(of) }, (_, i) => text(of, i + 1))
    const reply = call(command)
    push(of, reply)
    return raises && isError(reply) ? lua.lua_error(of) : 1
  }
  lua.lua_createtable(state, 0, 2)
  for (const [name, raises] of [
    ['call', true],
    ['pcall', false],
  ] as const) {
    lua.lua_pushcfunction(state, calling(raises))
    lua.lua_setfield(state, -2, to_luastring(name))
  }
  lua.lua_setglobal(state, to_luastring('redis'))
  const code = bytes(script)
  const isFine =
    lauxlib.luaL_loadbuffer(state, code, code.length, to_luastring('@user_script')) === lua.LUA_OK &&
    lua.lua_pcall(state, 0, 1, 0) === lua.LUA_OK
  const result = take(state, -1)
  if (isFine) return result
  return isError(result)
    ? result
    : { error: `ERR ${typeof result === 'string' ? result : 'the script failed'}` }
}

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))
const text = (state: State, index: number) => Buffer.from(lua.lua_tostring(state, index)).toString('latin1')
const isError = (reply: Reply) => typeof reply === 'object' && reply !== null && 'error' in reply

/** A reply as Lua gets it: null is false. https://redis.io/docs/latest/develop/interact/programmability/lua-api/ */
function push(state: State, reply: Reply): void {
  if (reply === null) return lua.lua_pushboolean(state, false)
  if (typeof reply === 'number') return lua.lua_pushnumber(state, reply)
  if (typeof reply === 'string') return lua.lua_pushstring(state, bytes(reply))
  lua.lua_createtable(state, 0, 0)
  if (isList(reply)) {
    for (const [i, one] of reply.entries()) {
      push(state, one)
      lua.lua_rawseti(state, -2, i + 1)
    }
    return
  }
  const field = 'error' in reply ? 'err' : 'ok'
  push(state, 'error' in reply ? reply.error : 'status' in reply ? reply.status : '')
  lua.lua_setfield(state, -2, to_luastring(field))
}

/** What a script returns, as a reply: a number loses what is behind its point, a table ends before its first nil. */
function take(state: State, index: number): Reply {
  switch (lua.lua_type(state, index)) {
    case lua.LUA_TNUMBER:
      return Math.trunc(lua.lua_tonumber(state, index))
    case lua.LUA_TSTRING:
      return text(state, index)
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(state, index) ? 1 : null
    case lua.LUA_TTABLE:
      return takeTable(state, index)
    default:
      return null
  }
}

function takeTable(state: State, index: number): Reply {
  const top = lua.lua_gettop(state)
  const field = (name: string) => {
    lua.lua_getfield(state, index, to_luastring(name))
    const found = lua.lua_type(state, -1) === lua.LUA_TSTRING ? text(state, -1) : undefined
    lua.lua_settop(state, top)
    return found
  }
  const error = field('err')
  if (error !== undefined) return { error }
  const status = field('ok')
  if (status !== undefined) return { status }
  const items: Reply[] = []
  for (let i = 1; ; i++) {
    lua.lua_rawgeti(state, index, i)
    const isOver = lua.lua_type(state, -1) === lua.LUA_TNIL
    if (!isOver) items.push(take(state, -1))
    lua.lua_settop(state, top)
    if (isOver) return items
  }
}

/**
 * Redis speaks Lua 5.1, whose numbers are all doubles. Fengari speaks 5.3, with whole numbers of 32 bits beside them, which
 * a time in milliseconds does not fit into. To be loaded before a script: texts and literals become doubles.
 */
import './lua-text.ts'
import 'fengari'
import lobject from 'fengari/src/lobject.js'

const { luaO_str2num: toNumber } = lobject

lobject.luaO_str2num = (text, into) => {
  const read = toNumber(text, into)
  if (read > 0 && into.ttisinteger()) into.setfltvalue(Number(into.value))
  return read
}

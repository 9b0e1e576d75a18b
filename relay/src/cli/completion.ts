import { flagOf, SETTING_NAMES } from '@bgs/runtime/service/config.ts'
import { CLI_FLAGS } from './cli-flags.ts'
import { OPERATOR_COMMANDS } from './operator-commands.ts'

/** Completion for bash and zsh: `source <(relay completion)`. */
export function completion(commands: readonly string[]): string {
  const groups = new Map<string, string[]>()
  for (const { words } of OPERATOR_COMMANDS) {
    const [group = '', verb] = words.split(' ')
    groups.set(group, [...(groups.get(group) ?? []), ...(verb === undefined ? [] : [verb])])
  }
  const flags = [...Object.keys(CLI_FLAGS), ...SETTING_NAMES.map(flagOf), 'help', 'version'].map(
    (flag) => `--${flag}`,
  )
  const cases = [...groups].flatMap(([group, verbs]) =>
    verbs.length === 0 ? [] : [`    ${group}) words="${verbs.join(' ')}" ;;`],
  )
  return [
    '# Completion of the relay command, for bash and (with bashcompinit) zsh.',
    'if [ -n "$ZSH_VERSION" ]; then autoload -U +X bashcompinit && bashcompinit; fi',
    '_relay() {',
    `  local current="\${COMP_WORDS[COMP_CWORD]}" words`,
    '  if [[ "$current" == -* ]]; then',
    `    words="${flags.join(' ')}"`,
    '  elif [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${[...commands, ...groups.keys()].join(' ')}"`,
    `  else case "\${COMP_WORDS[1]}" in`,
    ...cases,
    '    *) words="" ;;',
    '  esac; fi',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -F _relay relay',
  ].join('\n')
}

import { OPERATOR_COMMANDS } from './cli/operator-commands.ts'
import { COMMANDS } from './command.ts'

/** Contents of docs/commands.md. */
export function commandsDoc(): string {
  return [
    '# Commands',
    '',
    'Made from relay/src by `npm run docs`. `npm start -- …`, or `relay …` in the image. Every setting is a flag, too.',
    '`--json` gives the answer as JSON. Exit codes: 0 done, 1 a fault or a refusal, 2 wrong settings or words.',
    '',
    '| command | does |',
    '|---|---|',
    ...Object.entries(COMMANDS).map(([name, doc]) => `| \`${name}\` | ${doc} |`),
    '',
    '## Of operators',
    '',
    'They ask a running relay at RELAY_OPS_HOST and RELAY_OPS_PORT with RELAY_ADMIN_PASSWORD. Acts need `--why "…"`.',
    '',
    '| command | does | flags |',
    '|---|---|---|',
    ...OPERATOR_COMMANDS.map(({ words, doc, flags }) => {
      const shown = flags.map((flag) => `\`--${flag}\``).join(' ')
      return `| \`${words}\` | ${doc} | ${shown} |`
    }),
    '',
  ].join('\n')
}

/** `blindsum participant check`: everything an agent needs, tried before it joins. Exit 1 when something fails. */
import { command, JSON_OPTION, required } from '../command-line.ts'
import { type Finding, findingLine } from '../finding.ts'
import { checkParticipant } from '../participant-checks.ts'
import { printJson, printLine } from '../print.ts'

export const participantCheckCommand = command(
  {
    name: 'participant check',
    usage: '--config FILE',
    about:
      'Tries what a site’s agent needs before it joins: configuration, certificate and bundle, data folder and disk, data,\n' +
      'and a greeting to the coordinator that compares the clocks. With a plan, signed or not yet, also its\n' +
      'author, the shape of the data, the site’s policy, and one train step.',
    options: {
      config: { type: 'string', value: 'FILE', about: 'participant.yaml' },
      plan: {
        type: 'string',
        value: 'PLAN',
        about: 'the plan to try the data and the policy with: plan.yaml, or signed',
      },
      ...JSON_OPTION,
    },
    words: [],
    example: 'blindsum participant check --config participant.yaml --plan plan.signed.json',
  },
  async ({ values }) => {
    const findings: Finding[] = []
    const request = { configFile: required(values.config, 'config'), planFile: values.plan }
    const ok = await checkParticipant(request, (finding) => {
      findings.push(finding)
      if (!values.json) printLine(findingLine(finding))
    })
    if (values.json) printJson({ ok, findings })
    else printLine(ok ? 'this site can join' : 'this site cannot join yet: see ✗ above')
    return ok ? 0 : 1
  },
)

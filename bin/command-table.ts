/** Every command: its words, a line for the overview, and how to load it. */
import type { Command } from './command-line.ts'

export interface CommandEntry {
  /** As typed behind `blindsum`. */
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<Command>
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'ca init',
    summary: 'make an embedded identity authority (demos and tests)',
    load: async () => (await import('./commands/ca.ts')).caInitCommand,
  },
  {
    name: 'ca issue',
    summary: 'issue an X.509-SVID from it',
    load: async () => (await import('./commands/ca.ts')).caIssueCommand,
  },
  {
    name: 'ca show',
    summary: 'show whose authority a folder holds',
    load: async () => (await import('./commands/ca.ts')).caShowCommand,
  },
  {
    name: 'coordinator',
    summary: 'run the coordinator',
    load: async () => (await import('./commands/coordinator.ts')).coordinatorCommand,
  },
  {
    name: 'backup',
    summary: 'copy a coordinator’s data folder, while it runs',
    load: async () => (await import('./commands/backup.ts')).backupCommand,
  },
  {
    name: 'restore',
    summary: 'make a data folder from a backup',
    load: async () => (await import('./commands/restore.ts')).restoreCommand,
  },
  {
    name: 'participant',
    summary: 'run a site’s agent',
    load: async () => (await import('./commands/participant.ts')).participantCommand,
  },
  {
    name: 'participant check',
    summary: 'try everything an agent needs, before joining',
    load: async () => (await import('./commands/participant-check.ts')).participantCheckCommand,
  },
  {
    name: 'plan parameters',
    summary: 'neighbours, thresholds and costs that assumptions lead to',
    load: async () => (await import('./commands/plan-parameters.ts')).planParametersCommand,
  },
  {
    name: 'plan sign',
    summary: 'sign a plan as its author, offline',
    load: async () => (await import('./commands/plan-sign.ts')).planSignCommand,
  },
  {
    name: 'run check',
    summary: 'say in words what a plan will do and cost',
    load: async () => (await import('./commands/run-check.ts')).runCheckCommand,
  },
  {
    name: 'run submit',
    summary: 'submit a plan and its model',
    load: async () => (await import('./commands/run-submit.ts')).runSubmitCommand,
  },
  {
    name: 'run list',
    summary: 'list the runs',
    load: async () => (await import('./commands/run-show.ts')).runListCommand,
  },
  {
    name: 'run show',
    summary: 'show one run',
    load: async () => (await import('./commands/run-show.ts')).runShowCommand,
  },
  {
    name: 'run watch',
    summary: 'follow a run, one line per round',
    load: async () => (await import('./commands/run-watch.ts')).runWatchCommand,
  },
  {
    name: 'run pause',
    summary: 'pause a run after the present session',
    load: async () => (await import('./commands/run-steer.ts')).runPauseCommand,
  },
  {
    name: 'run resume',
    summary: 'go on with a paused run',
    load: async () => (await import('./commands/run-steer.ts')).runResumeCommand,
  },
  {
    name: 'run cancel',
    summary: 'end a run for good',
    load: async () => (await import('./commands/run-steer.ts')).runCancelCommand,
  },
  {
    name: 'model list',
    summary: 'list the versions of a run',
    load: async () => (await import('./commands/model.ts')).modelListCommand,
  },
  {
    name: 'model show',
    summary: 'show one version',
    load: async () => (await import('./commands/model.ts')).modelShowCommand,
  },
  {
    name: 'model export',
    summary: 'fetch one version with its provenance',
    load: async () => (await import('./commands/model.ts')).modelExportCommand,
  },
  {
    name: 'verify',
    summary: 'verify an exported model offline',
    load: async () => (await import('./commands/verify.ts')).verifyCommand,
  },
  {
    name: 'simulate',
    summary: 'run whole sessions with simulated participants and faults',
    load: async () => (await import('./commands/simulate.ts')).simulateCommand,
  },
  {
    name: 'doctor',
    summary: 'check this machine: runtime, libraries, disk, clock',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
]

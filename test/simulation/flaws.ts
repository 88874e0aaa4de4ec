/**
 * Drivers with a bug, to show that the simulation sees it: each is a mistake that whoever moves the bytes could make around
 * cores that are right.
 */
export type Flaw =
  /** A masked input that comes twice is added up twice. */
  | 'folds-repeats'
  /** An agent that restarts has lost its journal too. */
  | 'forgets-journal'
  /** A masked input is made anew whenever its upload is tried again. */
  | 'masks-again'
  /** A message leaves before the fact that guards it is recorded. */
  | 'sends-first'
  /** A masked input that comes after its stage is added up all the same. */
  | 'folds-late'
  /** An agent that has left forgets to say so, and says nothing when it is asked again. */
  | 'stays-silent'

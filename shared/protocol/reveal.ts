/**
 * Stage 4's answer: for each owner in H(u) ∩ U2 exactly one of three things. The type makes "both kinds of share of one
 * owner" impossible to write down; on the wire it is a oneof.
 */

export type RevealedShare =
  | { readonly owner: number; readonly kind: 'self-mask-seed'; readonly share: Uint8Array }
  | { readonly owner: number; readonly kind: 'mask-key'; readonly share: Uint8Array }
  | { readonly owner: number; readonly kind: 'none' }

/** In increasing owner order. */
export type Reveal = readonly RevealedShare[]

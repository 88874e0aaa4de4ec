/** The wire label. It starts every hashed or signed tuple and every first message; a peer with another is refused. */
export const WIRE_LABEL = 'blindsum/v1'

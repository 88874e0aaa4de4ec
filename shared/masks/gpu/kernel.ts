/**
 * The program that runs on the GPU, in WGSL: ChaCha20 (RFC 8439) for every mask, added up lane by lane. An invocation owns
 * one 64-byte block of the vector and goes over all masks with the sum in registers, so that neither keystream nor
 * intermediate sums ever reach memory.
 *
 * A short vector has too few blocks to fill a GPU: then the masks are dealt to several groups, each with a row of sums of
 * its own, and `fold_groups` adds the rows up.
 */

/** Invocations per workgroup; the workgroup sizes below say the same. */
export const WORKGROUP_SIZE = 64
/** Of `Seed` and `Range` below, in 32-bit words. */
export const SEED_WORDS = 12
export const RANGE_WORDS = 8

export const MASK_KERNEL = /* wgsl */ `
struct Seed {
  key_low: vec4<u32>,
  key_high: vec4<u32>,
  // 1, or 2^32 - 1 for a mask that is taken away.
  sign: u32,
}

struct Range {
  // The block counter of the first block here.
  first_block: u32,
  blocks: u32,
  // The masks of this dispatch, and how many of them a group takes.
  first_seed: u32,
  end_seed: u32,
  seeds_per_group: u32,
  groups: u32,
}

// The four rows of ChaCha20's state, 64 bytes.
struct Block {
  a: vec4<u32>,
  b: vec4<u32>,
  c: vec4<u32>,
  d: vec4<u32>,
}

// Whether a word holds two lanes of 16 bits, or one of 32.
override narrow_lanes: bool;

@group(0) @binding(0) var<uniform> range: Range;
@group(0) @binding(1) var<storage, read> seeds: array<Seed>;
// One row of blocks per group; the first row has the result.
@group(0) @binding(2) var<storage, read_write> sums: array<Block>;

fn rotate_left(words: vec4<u32>, bits: u32) -> vec4<u32> {
  return (words << vec4<u32>(bits)) | (words >> vec4<u32>(32u - bits));
}

// Four quarter rounds at once: one per column, or per diagonal once the rows are turned.
fn quarter_rounds(state: Block) -> Block {
  var s = state;
  s.a += s.b; s.d = rotate_left(s.d ^ s.a, 16u);
  s.c += s.d; s.b = rotate_left(s.b ^ s.c, 12u);
  s.a += s.b; s.d = rotate_left(s.d ^ s.a, 8u);
  s.c += s.d; s.b = rotate_left(s.b ^ s.c, 7u);
  return s;
}

fn plus(left: Block, right: Block) -> Block {
  return Block(left.a + right.a, left.b + right.b, left.c + right.c, left.d + right.d);
}

fn times(block: Block, factor: u32) -> Block {
  return Block(block.a * factor, block.b * factor, block.c * factor, block.d * factor);
}

fn keystream_block(seed: Seed, counter: u32) -> Block {
  let constants = vec4<u32>(0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u);
  let start = Block(constants, seed.key_low, seed.key_high, vec4<u32>(counter, 0u, 0u, 0u));
  var state = start;
  for (var double_round = 0u; double_round < 10u; double_round++) {
    state = quarter_rounds(state);
    state = quarter_rounds(Block(state.a, state.b.yzwx, state.c.zwxy, state.d.wxyz));
    state = Block(state.a, state.b.wxyz, state.c.zwxy, state.d.yzwx);
  }
  return plus(state, start);
}

// The odd one of the two narrow lanes of every word.
fn odd_lanes(block: Block) -> Block {
  let bits = vec4<u32>(16u);
  return Block(block.a >> bits, block.b >> bits, block.c >> bits, block.d >> bits);
}

fn join_lanes(even: vec4<u32>, odd: vec4<u32>) -> vec4<u32> {
  return (even & vec4<u32>(0xffffu)) | (odd << vec4<u32>(16u));
}

fn join_narrow(even: Block, odd: Block) -> Block {
  return Block(
    join_lanes(even.a, odd.a), join_lanes(even.b, odd.b), join_lanes(even.c, odd.c), join_lanes(even.d, odd.d),
  );
}

// Adds one group's share of the masks to its row. x: the block; y: the group.
@compute @workgroup_size(64)
fn add_masks(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= range.blocks) { return; }
  let place = id.y * range.blocks + id.x;
  let counter = range.first_block + id.x;
  let first = range.first_seed + id.y * range.seeds_per_group;
  let end = min(first + range.seeds_per_group, range.end_seed);

  // Narrow lanes are added twice: as they are, for the even ones, and moved down, for the odd ones, so that nothing is
  // carried from one lane into the next. What gathers above 16 bits is dropped at the end.
  var sum = sums[place];
  var odd_sum = odd_lanes(sum);
  for (var index = first; index < end; index++) {
    let seed = seeds[index];
    let keystream = keystream_block(seed, counter);
    sum = plus(sum, times(keystream, seed.sign));
    if (narrow_lanes) { odd_sum = plus(odd_sum, times(odd_lanes(keystream), seed.sign)); }
  }
  if (narrow_lanes) { sum = join_narrow(sum, odd_sum); }
  sums[place] = sum;
}

// Adds the rows of all groups to the first one. x: the block.
@compute @workgroup_size(64)
fn fold_groups(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= range.blocks) { return; }
  var sum = sums[id.x];
  var odd_sum = odd_lanes(sum);
  for (var group = 1u; group < range.groups; group++) {
    let row = sums[group * range.blocks + id.x];
    sum = plus(sum, row);
    odd_sum = plus(odd_sum, odd_lanes(row));
  }
  if (narrow_lanes) { sum = join_narrow(sum, odd_sum); }
  sums[id.x] = sum;
}
`

/** How several pictures of one size share a room. Pure. */

/**
 * Columns in which `count` pictures are shown largest.
 *
 * @param aspect - a picture's width / height.
 * @param room - the room's width / height.
 */
export function columnsFor(count: number, aspect: number, room: number): number {
  let best = { columns: 1, size: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const size = Math.min(room / columns, aspect / rows);
    if (size > best.size * 1.001) best = { columns, size };
  }
  return best.columns;
}

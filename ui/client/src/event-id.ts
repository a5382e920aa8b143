/** The ids of events, `{epoch}-{seq}`: ascending within a job, also over restarts of the service. */

/** Whether the event `id` comes after the event `other`; anything comes after none. */
export function isAfter(id: string, other: string | undefined): boolean {
  if (other === undefined) return true;
  const [epoch, seq] = parse(id);
  const [otherEpoch, otherSeq] = parse(other);
  return epoch === otherEpoch ? seq > otherSeq : epoch > otherEpoch;
}

// of up to 18 digits: more than a number holds exactly
function parse(id: string): readonly [bigint, bigint] {
  const [, epoch, seq] = /^(\d+)-(\d+)$/.exec(id) ?? [];
  return [BigInt(epoch ?? 0), BigInt(seq ?? 0)];
}

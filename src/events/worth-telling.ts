/** Which changes of an event its ticket holders must hear of, in the words that they read: pure rules. */
import { createHash } from 'node:crypto';
import { formatTimeRange } from '../lib/dates';
import { type EventDetails, placeInWords } from './event';
import { type EventFields } from './events-store';

export interface ToldChange {
  label: 'When' | 'Where';
  before: string;
  after: string;
}

/**
 * When it takes place and where. What reads the same is the same. The link of an online event is never in these words:
 * they also reach people whose payment is still on its way.
 */
export function changesWorthTelling(before: EventDetails, after: EventFields, now: Date): ToldChange[] {
  // nobody needs to know where an evening was that is over
  if (after.endsAt <= now) return [];
  const changes: ToldChange[] = [
    { label: 'When', before: whenInWords(before), after: whenInWords(after) },
    { label: 'Where', before: placeInWords(before), after: placeInWords(after) },
  ];
  const newLink =
    before.locationKind === 'online' &&
    after.locationKind === 'online' &&
    before.onlineUrl !== after.onlineUrl;
  if (newLink) changes[1]!.after = 'Online, with a new link';
  return changes.filter((change) => change.before !== change.after);
}

/** Names a set of changes, so that what is saved is what was looked at. */
export function fingerprintOf(changes: ToldChange[]): string {
  return createHash('sha256').update(JSON.stringify(changes)).digest('base64url').slice(0, 22);
}

/** "When: Sat 13 Mar … (before: Fri 12 Mar …). They write: …": a change on the order's page and in its mails. */
export function toldInWords({ changes, message }: { changes: ToldChange[]; message: string }): string {
  const sentences = changes.map(({ label, before, after }) => `${label}: ${after} (before: ${before}).`);
  return [...sentences, ...(message ? [`They write: ${message}`] : [])].join(' ');
}

/** "the time", "the place", "the time and the place": as it stands in "… has changed". */
export function whatChanged(changes: ToldChange[]): string {
  const words = { When: 'the time', Where: 'the place' };
  return changes.map(({ label }) => words[label]).join(' and ');
}

function whenInWords(event: Pick<EventFields, 'startsAt' | 'endsAt' | 'timeZone'>): string {
  return formatTimeRange(event.startsAt, event.endsAt, event.timeZone);
}

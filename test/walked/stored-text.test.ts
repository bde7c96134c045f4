/**
 * B12, B16: whatever text strangers got into the database, in whichever column, no page, mail or file gives it out as
 * markup or as a formula. The columns are asked of the database, so a new one is tried here as soon as it exists.
 */
import { addressOf, ROLES, TABLE } from './route-table';
import { type Answer, buildWorld, type World } from './world';

const CANARY = `=1+1"'><script>canary</script><img src=x onerror=canary>`;
/** As it must never stand in HTML: not in text, an attribute or data in a script. */
const LIVE = /1\+1["']|<script>canary|<img src=x|<\/script><img/;

/** What the app itself writes, and has the form of: ids, hashes, states, addresses, the finished bodies of mails. */
const NOT_TYPED =
  /^(id|slug|status|status_detail|currency|time_zone|country|default_currency|paid_currency|kind|type|role|email|reference|template|key|name_of_.*|scope|actor|subject_type|outcome|mode|inventory|visibility|return_to|purpose|location_kind|text_body|html_body|dedupe_key|recipient|payload_type)$|_hash$|_id$|_status$|_encrypted$|^encrypted_|_key$|_by$|_ur[il]$|_challenge$|_email$|_code$/;

let world: World;
let planted: string[];
const pages = new Map<string, Answer>();

beforeAll(async () => {
  world = await buildWorld();
  planted = await plant();
  await world.visitor('buyer').send('POST', `/orders/${world.tokens.paid}/mails`);
  // pages that lie ready are a second old at most
  await new Promise((done) => setTimeout(done, 1100));
  for (const route of Object.keys(TABLE).filter((name) => name.startsWith('GET ')))
    for (const role of ROLES.filter((role) => TABLE[route]!.outcomes[role].status === 200))
      pages.set(`${route}, as ${role}`, await world.visitor(role).send('GET', addressOf(route, world, role)));
}, 60_000);
afterAll(() => world.close());

test('what was planted stands in the columns that people write to', () => {
  expect(planted).toEqual(
    expect.arrayContaining([
      'abuse_reports.message',
      'answers.answer',
      'answers.asked',
      'audit_log.details',
      'event_drafts.form_values',
      'events.description',
      'events.title',
      'events.venue_name',
      'orders.buyer_name',
      'organizers.name',
      'questions.help',
      'questions.label',
      'questions.options',
      'stripe_connections.display_name',
      'ticket_types.name',
      'users.name',
    ]),
  );
});

test('every page answers, and those that show it show it as text', () => {
  const failed = [...pages].filter(([, { status }]) => status >= 500).map(([name]) => name);
  expect(failed).toEqual([]);
  const showing = [...pages].filter(([, { html }]) => html.includes('&lt;script&gt;canary'));
  expect(showing.length).toBeGreaterThan(40);
});

test('no page has it as markup', () => {
  const live = [...pages]
    .filter(([, { headers }]) => /html|svg/.test(headers.get('content-type') ?? ''))
    .map(([name, { html }]) => [name, LIVE.exec(html.replace(/^=1\+1/, ''))?.[0]])
    .filter(([, found]) => found !== undefined);
  expect(live).toEqual([]);
});

test('no file can be taken for a page, and no spreadsheet runs it', () => {
  const files = [...pages].filter(([, { headers }]) =>
    /csv|calendar/.test(headers.get('content-type') ?? ''),
  );
  expect(files.length).toBeGreaterThan(4);
  for (const [, { headers, html }] of files) {
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-disposition')).toMatch(/^attachment/);
    expect(html).not.toMatch(/(^|,)"?=1\+1/m);
  }
});

test('no mail has it as markup', async () => {
  const bodies: string[] = await world
    .db('mails')
    .where('dedupe_key', 'like', 'order-paid-again:%')
    .pluck('html_body');
  expect(bodies.join()).toContain('&lt;script&gt;canary');
  expect(bodies.filter((body) => LIVE.test(body))).toEqual([]);
});

/** Puts the canary into every text column that has no form of its own. Answers which took it. */
async function plant(): Promise<string[]> {
  const columns: { table: string; column: string; type: string }[] = await world
    .db('information_schema.columns')
    .where({ table_schema: 'public' })
    .whereIn('data_type', ['text', 'jsonb'])
    .whereNotIn('table_name', ['sessions', 'rate_limits', 'knex_migrations', 'worker_heartbeats'])
    .orderBy(['table_name', 'column_name'])
    .select('table_name as table', 'column_name as column', 'data_type as type');
  const taken: string[] = [];
  for (const { table, column, type } of columns) {
    const named = `${table}.${column}`;
    const json = ['event_drafts.form_values', 'audit_log.details'].includes(named);
    if (type === 'jsonb' ? !json : NOT_TYPED.test(column)) continue;
    const value = json
      ? world.db.raw(
          `(SELECT coalesce(jsonb_object_agg(pair.key, ?::text), '{}') FROM jsonb_each(??) pair WHERE jsonb_typeof(pair.value) = 'string')`,
          [CANARY, column],
        )
      : CANARY;
    // what a CHECK refuses can not stand there
    const count = await world
      .db(table)
      .whereNotNull(column)
      .update({ [column]: value })
      .catch(() => 0);
    if (count > 0) taken.push(named);
  }
  return taken;
}

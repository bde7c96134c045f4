/**
 * Hostile and clumsy values in every field of every form, every query and every address: a page with words, never a 500,
 * and nothing changed by what is refused. What a form does not have can't be set through it.
 */
import { hashToken } from '../../src/lib/tokens';
import { databaseState, type DatabaseState } from '../support/database-state';
import { formsOf } from '../support/html';
import { openMarket, PASSWORD } from '../support/market';
import { addressOf, TABLE } from '../walked/route-table';
import {
  type Answer,
  buildWorld,
  type Role,
  type SendOptions,
  type Visitor,
  type World,
} from '../walked/world';

// each of these tests sends some hundred requests
jest.setTimeout(60_000);

const CANARY = '<script>canary</script>';
const enc = encodeURIComponent;

/** As they go over the wire, behind `name=`. */
const VALUES: Record<string, string> = {
  empty: '',
  blank: '%20%09%0A',
  NUL: 'Ada%00Byron',
  'half of a letter': 'Ada%ED%A0%80',
  'no UTF-8': 'Ada%FF%FE',
  'a broken escape': 'Ada%E0%A4%A',
  'a bare percent': '%',
  'direction override': enc('Ada\u202egnp.exe'),
  'invisible letters': enc('\u200b\u200d\ufeff\u2060'),
  'piled marks': enc(`A${'\u0301'.repeat(500)}`),
  '80 kB': 'x'.repeat(80_000),
  '1 MB': 'x'.repeat(1_000_000),
  SQL: enc("Ada'); DROP TABLE orders; --"),
  wildcards: enc('%_\\%'),
  markup: enc(`"'>${CANARY}`),
  template: enc('<%= process.env %>${7*7}{{7*7}}'),
  'line breaks': 'a%0D%0ASet-Cookie:%20injected=1%0D%0A%0D%0Abody',
  'mail list': enc('ada@example.com, bob@example.com\r\nBcc: eve@example.com'),
  __proto__: '__proto__',
  constructor: 'constructor',
  JSON: enc('{"$ne":null}'),
  'another host': '//evil.example/x',
  'another host, backslash': enc('/\\evil.example'),
  'another scheme': enc('javascript:alert(1)'),
  'no id': '1',
  'an id of nothing': '00000000-0000-0000-0000-000000000000',
  minus: '-1',
  zero: '0',
  huge: '99999999999999999999',
  'more than an int': '2147483648',
  fraction: '1.5',
  exponent: '1e9',
  hexadecimal: '0x10',
  'no number': 'NaN',
  'endless number': 'Infinity',
  'wide digits': enc('１２'),
  'no such day': '2030-02-30T25:61',
  'year 0': '0000-01-01T00:00',
  'the last day': '275760-09-13T00:00',
};

/** Shapes that no form sends: the piece of a body, or of a query, for a field. */
const SHAPES: Record<string, (name: string) => string> = {
  twice: (name) => `${enc(name)}=1&${enc(name)}=2`,
  list: (name) => `${enc(name)}[]=1&${enc(name)}[]=2`,
  object: (name) => `${enc(name)}[b]=1`,
  prototype: (name) => `${enc(name)}[__proto__][polluted]=1`,
};

/** Options of the view engine and roots of all objects: names that are not ours. */
const JUNK = [
  'settings[view options][outputFunctionName]=x;process.exit(1);x',
  'settings[view%20options][client]=1',
  'delimiter=%3F',
  'openDelimiter=%5B',
  'cache=',
  'filename=/etc/passwd',
  'root=/',
  'layout=../../etc/passwd',
  '__proto__[polluted]=1',
  '__proto__=polluted',
  'constructor[prototype][polluted]=1',
  'hasOwnProperty=1',
  'toString=1',
  '=nameless',
  '%00=1',
  `${enc(CANARY)}=1`,
];

/** What stands in a path instead of an id, slug, token or code. */
const SEGMENTS = [
  '%00',
  '%ED%A0%80',
  '%FF',
  '%E0%A4%A',
  '%',
  '0',
  '-1',
  '99999999999999999999',
  '1e3',
  '00000000-0000-0000-0000-000000000000',
  '..%2F..%2Fetc%2Fpasswd',
  enc("' OR 1=1 --"),
  enc(CANARY),
  enc('\u202e'),
  '__proto__',
  'constructor',
  '%0D%0ASet-Cookie:%20injected=1',
  'x'.repeat(8000),
];

/** Fields that a form may send besides those of the table. */
const FURTHER_FIELDS: Record<string, string[]> = {
  'POST /sign-up': ['next'],
  'POST /sign-in': ['next'],
  'POST /confirm-password': ['next'],
  'POST /account/verification-mails': ['next'],
  'POST /organizer/organizers': ['website', 'next'],
  'POST /organizer/organizers/:id/edit': ['website'],
  'POST /organizer/events': [
    ...['capacity', 'online_url', 'draft', 'tickets.0.id', 'tickets.0.description', 'tickets.0.sales_start'],
    ...['tickets.0.sales_end', 'tickets.0.remove', 'tickets.1.name', 'tickets.99.name', 'tickets.x.name'],
  ],
  'POST /organizer/events/:id/edit': ['draft', 'tickets.0.remove', 'tickets.1.id', 'tickets.1.name'],
  'POST /organizer/events/:id/questions': ['help', 'required', 'correctable', 'shown_at_door', 'type.x'],
  'POST /organizer/events/:id/questions/:questionId': ['help', 'options', 'required', 'kind', 'scope'],
  'POST /stripe-app/installations': ['mode'],
  'POST /stripe/connect': ['from', 'event_id', 'draft', 'title', 'tickets.0.name', 'stripe_landing'],
};

/** What each page may read of its query, besides what its own search forms and links hold. */
const QUERIES: Record<string, string[]> = {
  'GET /': ['q', 'page'],
  'GET /organizers/:slug': ['page'],
  'GET /orders/:token': ['returned', 'sent', 'answered'],
  'GET /sign-up': ['next'],
  'GET /sign-in': ['next'],
  'GET /confirm-password': ['next'],
  'GET /forgotten-password': ['sent'],
  'GET /organizer/organizers/new': ['next'],
  'GET /organizer/events': ['show', 'page'],
  'GET /organizer/events/new': ['draft'],
  'GET /organizer/events/:id/edit': ['draft'],
  'GET /organizer/events/:id/orders': ['q', 'status', 'after', 'page'],
  'GET /stripe/callback': ['state', 'code', 'error', 'error_description', 'scope'],
  'GET /stripe-app/callback': ['state', 'code', 'error', 'error_description'],
  'GET /admin/connections': ['q', 'status', 'page'],
};

let world: World;
const visitors: Partial<Record<Role, Visitor>> = {};

const PUT_BACK: Record<string, () => Promise<unknown>> = {
  'POST /account/password': () =>
    world.db('users').where({ email: world.memberEmail }).update({ password_hash: memberHash }),
  'POST /password-resets/:token': () => mailAgain(world.passwordReset),
  'POST /account/email-confirmations/:token': () => mailAgain(world.emailConfirmation),
  'POST /orders/:token/payment': async () => {
    const answer = await world.visitor('guest').send('POST', `/events/${world.slug}/orders`, {
      fields: { [`quantity.${world.typeId}`]: '1' },
    });
    world.tokens.held = answer.location!.replace('/orders/', '');
  },
  // an event asks so many questions and no more
  'POST /organizer/events/:id/questions': () =>
    world
      .db('questions')
      .where({ event_id: world.draftEvent })
      .whereNotIn('id', Object.values(world.draftQuestions))
      .delete(),
  'POST /organizer/organizers': () =>
    world
      .visitor('member')
      .send('POST', '/organizer/current', { fields: { organizer_id: world.organizerId } }),
  'POST /organizer/events/:id/cancellation': () =>
    world
      .db('events')
      .where({ id: world.toCancel })
      .update({ status: 'published', cancelled_at: null, cancellation_reason: null }),
  'POST /stripe/connections/:id/disconnection': () => connectAgain(world.connection),
  'POST /admin/connections/:id/disconnection': () => connectAgain(world.thirdConnection),
};
let unfinished: Record<string, unknown>;
let memberHash: string;
let mailedLinks: { token_hash: string }[];

/** The link as it was before it was used. */
async function mailAgain(link: string): Promise<void> {
  const token_hash = hashToken(link.split('/').pop()!);
  const row = mailedLinks.find((known) => known.token_hash === token_hash)!;
  await world.db('mailed_links').insert(row).onConflict('token_hash').merge();
}

async function connectAgain(id: string): Promise<void> {
  const ended = { ended_at: null, ended_by: null, end_reason: null, disconnect_requested_at: null };
  const [connection] = await world
    .db('stripe_connections')
    .where({ id })
    .update({ status: 'active', disconnect_requested_by: null, ...ended })
    .returning('stripe_user_id');
  await world.market.control('POST', `/accounts/${connection.stripe_user_id}/connect`, {});
}

beforeAll(async () => {
  world = await buildWorld(await openMarket({ config: { logLevel: 'trace' } }));
  // so much is bought below that the tickets would run out
  await world.db('events').where({ id: world.event }).update({ capacity: null });
  await world.db('ticket_types').where({ id: world.typeId }).update({ capacity: 100_000 });
  memberHash = (await world.db('users').where({ email: world.memberEmail }).first()).password_hash;
  mailedLinks = await world.db('mailed_links').select();
  const row = await world.db('event_drafts').where({ id: world.draftId }).first();
  unfinished = { ...row, form_values: JSON.stringify(row.form_values) };
}, 60_000);
afterAll(() => world.close());

const GETS = Object.keys(TABLE).filter((route) => route.startsWith('GET '));
const POSTS = Object.keys(TABLE).filter((route) => route.startsWith('POST ') && route !== 'POST /sign-out');

describe('in the address of', () => {
  test.each(Object.keys(TABLE).filter((route) => route.includes(':')))('%s', async (route) => {
    const [method = '', path = ''] = route.split(' ');
    const fields = await TABLE[route]!.fields?.(world);
    const before = await databaseState(world.db);
    const problems: string[] = [];
    await fewAtOnce(SEGMENTS, async (segment) => {
      const answer = await world
        .visitor(roleOf(route))
        .send(method, path.replace(/:\w+/, segment), { fields });
      if (!isRefusal(answer)) problems.push(`${segment.slice(0, 40)}: answered ${answer.status}`);
      problems.push(...problemsOf(answer).map((problem) => `${segment.slice(0, 40)}: ${problem}`));
    });
    expect(problems).toEqual([]);
    expect(await databaseState(world.db)).toEqual(before);
  });

  test('nothing at all', async () => {
    for (const path of [
      '/%',
      '/%00',
      '/..%2f..%2fetc/passwd',
      '//evil.example',
      '/assets/..%2f..%2fpackage.json',
    ])
      expect([path, isRefusal(await world.visitor('guest').send('GET', path))]).toEqual([path, true]);
  });
});

describe('in the query of', () => {
  test.each(GETS)('%s', async (route) => {
    const role = roleOf(route);
    const visitor = world.visitor(role);
    const path = addressOf(route, world, role);
    const known = [...new Set([...(QUERIES[route] ?? []), ...(await namesOnPage(visitor, path))])];
    const queries = [JUNK.join('&'), ...shareOf(JUNK, GETS.indexOf(route), GETS.length)];
    for (const raw of Object.values(VALUES))
      if (known.length > 0) queries.push(known.map((name) => `${name}=${raw.slice(0, 3000)}`).join('&'));
    for (const piece of Object.values(SHAPES)) queries.push([...known, 'x'].map(piece).join('&'));
    const before = await databaseState(world.db);
    const problems: string[] = [];
    await fewAtOnce(queries, async (query) => {
      const answer = await visitor.send('GET', `${path}?${query}`);
      problems.push(...problemsOf(answer).map((problem) => `${query.slice(0, 80)}: ${problem}`));
    });
    expect(problems).toEqual([]);
    expect(await databaseState(world.db)).toEqual(before);
  });
});

describe('in the fields of', () => {
  test.each(POSTS.filter((route) => TABLE[route]!.fields ?? FURTHER_FIELDS[route]))('%s', async (route) => {
    const fields = (await TABLE[route]!.fields?.(world)) ?? {};
    const typeId = world.typeId;
    const names = [
      ...Object.keys(fields),
      ...(FURTHER_FIELDS[route] ?? []),
      ...(route.endsWith('/orders') ? [`amount.${typeId}`, 'quantity.x', `quantity.${world.orderId}`] : []),
    ];
    const bodies: [string, string][] = [];
    const pieces = [
      ...Object.entries(VALUES).map(
        ([what, raw]) => [what, (name: string) => `${enc(name)}=${raw}`] as const,
      ),
      ...Object.entries(SHAPES),
    ];
    // every value in all fields at once …
    for (const [what, piece] of pieces)
      bodies.push([
        `all: ${what}`,
        names.map((name) => piece(name).slice(0, 1_000_000 / names.length)).join('&'),
      ]);
    // … and alone among right ones: each field gets its share of the values (a single field has had them all)
    const oneOfMany = names.length > 1 ? names : [];
    oneOfMany.forEach((name, index) => {
      const { [name]: _replaced, ...others } = fields;
      for (const [what, piece] of shareOf(pieces, index, names.length))
        bodies.push([`${name}: ${what}`, `${new URLSearchParams(others)}&${piece(name)}`]);
    });
    expect(await sweep(route, bodies)).toEqual([]);
  });

  test.each(POSTS)('%s, with names that are not ours', async (route) => {
    const fields = new URLSearchParams((await TABLE[route]!.fields?.(world)) ?? {}).toString();
    const junk = [JUNK.join('&'), ...shareOf(JUNK, POSTS.indexOf(route), POSTS.length)];
    expect(
      await sweep(
        route,
        junk.map((names) => [names, `${fields}&${names}`]),
      ),
    ).toEqual([]);
  });
});

describe('as another kind of body at', () => {
  const kinds: [string, string, string][] = [
    ['JSON', 'application/json', '{"__proto__":{"polluted":1},"name":{"a":1}}'],
    ['broken JSON', 'application/json', '{"name":'],
    [
      'a file form',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--x--',
    ],
    ['an unknown charset', 'application/x-www-form-urlencoded; charset=utf-7', 'name=x'],
    ['nothing', 'text/plain', ''],
    [
      '2,000 fields',
      'application/x-www-form-urlencoded',
      Array.from({ length: 2000 }, (_, n) => `f${n}=1`).join('&'),
    ],
  ];
  test.each(POSTS)('%s', async (route) => {
    const before = await stateOf();
    // three of the guests' forms are a button without fields: they need no body
    const needsNothing = /:token\/(release|mails|extension)$/.test(route);
    const problems: string[] = [];
    for (const [what, type, body] of kinds) {
      const { answer } = await post(route, () => ({ body, headers: { 'Content-Type': type } }));
      if (!isRefusal(answer) && !needsNothing) problems.push(`${what}: answered ${answer.status}`);
      problems.push(...problemsOf(answer).map((problem) => `${what}: ${problem}`));
    }
    expect(problems).toEqual([]);
    if (!needsNothing) expect(await stateOf()).toEqual(before);
  });
});

/** An order that waits for a decision, or a hold that may be longer: the second time they say that it is done. */
const ACTS_ONCE = [
  'POST /orders/:token/extension',
  'POST /admin/orders/:id/check',
  'POST /admin/orders/:id/decision',
  'POST /organizer/orders/:id/check',
  'POST /organizer/orders/:id/decision',
];

describe('columns that no form has, sent to', () => {
  const TABLES = [
    'users',
    'organizers',
    'memberships',
    'events',
    'ticket_types',
    'orders',
    'stripe_connections',
  ];

  test.each(POSTS)('%s', async (route) => {
    const fields = (await TABLE[route]!.fields?.(world)) ?? {};
    const own = [...Object.keys(fields), ...(FURTHER_FIELDS[route] ?? [])];
    const columns = await world
      .db('information_schema.columns')
      .where({ table_schema: 'public' })
      .whereIn('table_name', TABLES)
      .distinct('column_name', 'data_type');
    const planted: Record<string, string> = { isAdmin: 'true', organizerId: world.othersOrganizerId };
    for (const { column_name: name, data_type: type } of columns) {
      planted[name] =
        name === 'organizer_id' ? world.othersOrganizerId : (PLANTED[type as string] ?? 'planted');
      if (!TICKET_FIELDS.includes(name)) planted[`tickets.0.${name}`] = planted[name];
    }
    for (const name of own) delete planted[name];

    const before = await rightsAndMoney();
    const { answer } = await post(route, (token) => ({ token, fields: { ...planted, ...fields } }));
    // what can be done once was done by the bodies above, or by the form before
    const done = ACTS_ONCE.includes(route) && answer.status === 409;
    if (!done) expect(answer.status).toBe(TABLE[route]!.outcomes[roleOf(route)].status);
    for (const table of TABLES) {
      const rows = await world.db({ row: table }).select(world.db.raw('to_jsonb(row)::text AS line'));
      const hit = rows.find(({ line }) => /planted|424242|2001-09-09|abababab/.test(line));
      expect([table, hit?.line]).toEqual([table, undefined]);
    }
    expect(await rightsAndMoney()).toEqual(before);
  });

  const PLANTED: Record<string, string> = {
    uuid: 'abababab-abab-4bab-8bab-abababababab',
    boolean: 'true',
    integer: '424242',
    bigint: '424242',
    'timestamp with time zone': '2001-09-09T01:46:40Z',
    jsonb: '{"planted":1}',
  };
  /** What a row of the event form does have. */
  const TICKET_FIELDS = [
    ...['id', 'name', 'description', 'kind', 'price', 'capacity', 'min_per_order', 'max_per_order'],
    ...['sales_start', 'sales_end', 'visibility'],
  ];

  /** Who may do what, and where money goes: no form of these changes it. */
  async function rightsAndMoney(): Promise<unknown> {
    const { db, othersOrganizerId } = world;
    return {
      admins: await db('users').where({ is_admin: true }).orWhereNotNull('disabled_at').pluck('id'),
      othersEvents: await db('events').where({ organizer_id: othersOrganizerId }).pluck('id'),
      othersPeople: await db('memberships').where({ organizer_id: othersOrganizerId }).pluck('user_id'),
      live: await db('events').where({ livemode: true }).pluck('id'),
      accounts: await db('stripe_connections').orderBy('id').select('id', 'organizer_id', 'stripe_user_id'),
      // what is given away by the form of that name is not paid for
      paid: await db('orders')
        .where({ status: 'paid' })
        .where('total_amount', '>', 0)
        .orderBy('id')
        .pluck('id'),
    };
  }
});

test('nothing polluted the roots of objects', () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(([] as unknown as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('no secret reached the log, and no error that a person must look at', () => {
  const logs = world.market.testApp.logs();
  const { stripe, sessionSecrets, encryptionKeys } = world.market.testApp.dependencies.config;
  const secrets = [
    stripe.primary.secretKey,
    ...stripe.primary.webhookSecrets,
    ...sessionSecrets,
    ...encryptionKeys,
    PASSWORD,
    enc(PASSWORD),
    ...Object.values(world.tokens),
    world.ticketCode,
    world.passwordReset.split('/').pop()!,
    world.emailConfirmation.split('/').pop()!,
    ...(['member', 'other', 'admin'] as const).map((role) => world.visitor(role).cookies.get('sid')!),
  ];
  expect(secrets.filter((secret) => logs.includes(secret))).toEqual([]);
  expect(logs).not.toMatch(/[?&](state|code)=|rt_\w{8}|\bac_\w{8}/);
  const lines = logs.split('\n').filter(Boolean);
  expect(lines.length).toBeGreaterThan(1000);
  expect(lines.filter((line) => (JSON.parse(line) as { level: number }).level >= 50)).toEqual([]);
});

/**
 * Sends bodies. Answers what must not be: a 500, a leak, a change by what was refused. Most are refused, so a few go at once
 * and the database is compared once; where one acts or anything changed, the same go again one after the other.
 */
async function sweep(route: string, bodies: [string, string][]): Promise<string[]> {
  const problems: string[] = [];
  let before = await stateOf();
  let oneActed = false;
  for (let begin = 0; begin < bodies.length; begin += AT_ONCE) {
    const few = bodies.slice(begin, begin + AT_ONCE);
    if (!oneActed) {
      const answers = await postAtOnce(route, few);
      const after = await stateOf();
      if (!answers.some(acts) && changedTables(route, before, after).length === 0) {
        answers.forEach((answer, index) => problems.push(...named(few[index]![0], problemsOf(answer))));
        continue;
      }
      before = after;
    }
    oneActed = false;
    for (const [what, body] of few) {
      const { answer, acted } = await post(route, (token) => ({ body: `_csrf=${token}&${body}` }));
      const after = await stateOf();
      const changed = acted ? [] : changedTables(route, before, after);
      problems.push(...named(what, problemsOf(answer)));
      if (changed.length > 0) problems.push(`${what}: refused, and yet changed ${changed.join()}`);
      oneActed ||= acted;
      before = after;
    }
  }
  return problems;
}

const AT_ONCE = 5;

const acts = ({ status }: Answer) => status < 400;
const named = (what: string, problems: string[]) => problems.map((problem) => `${what}: ${problem}`);

function changedTables(route: string, before: DatabaseState, after: DatabaseState): string[] {
  return Object.keys(after).filter(
    // who signs up with a taken address is refused, and its owner is told by mail
    (table) => after[table] !== before[table] && !(route === 'POST /sign-up' && table === 'mails'),
  );
}

/** What a page reads of its query, as its search forms and its links to itself tell. */
async function namesOnPage(visitor: Visitor, path: string): Promise<string[]> {
  const { html } = await visitor.send('GET', path);
  const fields = formsOf(html)
    .filter(({ method }) => method.toLowerCase() === 'get')
    .flatMap(({ values }) => Object.keys(values));
  const links = [...html.matchAll(/href="([^"?]*)\?([^"#]+)"/g)]
    .filter(([, to]) => to === '' || to === path)
    .flatMap(([, , query]) => [...new URLSearchParams(query!.replaceAll('&amp;', '&')).keys()]);
  return [...fields, ...links];
}

/** What one of many tries of a list, so that together they try all of it: at least two. */
function shareOf<T>(list: T[], index: number, of: number): T[] {
  const size = Math.max(2, Math.ceil(list.length / of));
  return Array.from({ length: size }, (_, turn) => list[(index * size + turn) % list.length]!);
}

async function fewAtOnce<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let begin = 0; begin < items.length; begin += 5)
    await Promise.all(items.slice(begin, begin + 5).map(work));
}

/** One post by whoever may send it. What it has ended is put back, so that the next one finds the same. */
async function post(
  route: string,
  options: (token: string) => SendOptions,
): Promise<{ answer: Answer; acted: boolean }> {
  const visitor = await senderOf(route);
  const path = addressOf(route, world, roleOf(route));
  const answer = await visitor.send('POST', path, options(await visitor.ownToken()));
  await putBack(route, [answer]);
  return { answer, acted: acts(answer) };
}

async function postAtOnce(route: string, bodies: [string, string][]): Promise<Answer[]> {
  const visitor = await senderOf(route);
  const path = addressOf(route, world, roleOf(route));
  const token = await visitor.ownToken();
  const answers = await Promise.all(
    bodies.map(([, body]) => visitor.send('POST', path, { body: `_csrf=${token}&${body}` })),
  );
  await putBack(route, answers);
  return answers;
}

async function senderOf(route: string): Promise<Visitor> {
  await world.db('rate_limits').delete();
  // only a person's latest drafts are kept
  if (route.includes('/drafts/')) await world.db('event_drafts').insert(unfinished).onConflict('id').ignore();
  return (visitors[roleOf(route)] ??= world.visitor(roleOf(route)));
}

async function putBack(route: string, answers: Answer[]): Promise<void> {
  if (!answers.some(acts)) return;
  delete visitors[roleOf(route)]; // a guest who signed in, or has orders, is another one
  await PUT_BACK[route]?.();
}

/** An event's form is kept as a draft when it is refused: that is what it is for. */
function stateOf(): Promise<DatabaseState> {
  return databaseState(world.db, { without: 'event_drafts' });
}

function roleOf(route: string): Role {
  const { sender, outcomes } = TABLE[route]!;
  const readers = (['member', 'admin', 'buyer'] as const).filter((role) => outcomes[role].status === 200);
  return sender ?? readers[0] ?? 'member';
}

function isRefusal({ status }: Answer): boolean {
  return status >= 400 && status < 500;
}

function problemsOf({ status, location, html, headers }: Answer): string[] {
  const problems: string[] = [];
  if (status >= 500) problems.push(`answered ${status}`);
  if (html.includes(CANARY)) problems.push('markup on the page');
  if (
    location &&
    !/^\/(?![/\\])/.test(location) &&
    !location.startsWith(`${world.market.simulator.url}/oauth/`)
  )
    problems.push(`leads away to ${location}`);
  if (headers.getSetCookie().some((cookie) => cookie.includes('injected'))) problems.push('sets a cookie');
  return problems;
}

/** One market with everything in it that a route can be about, and everybody who may knock. */
import { writeHeartbeat } from '../../src/jobs/heartbeat';
import { newId } from '../../src/lib/ids';
import { type Browser, createBrowser } from '../support/browser';
import { formsOf, textOfHtml } from '../support/html';
import { EVENT, type Market, openMarket } from '../support/market';
import { mailedLink } from '../support/people';

/**
 * guest: nobody, without the order's address · buyer: a guest who has it · member: owns the organizer that all is about ·
 * colleague: a member of it who is no owner · other: owns another organizer · admin: has no organizer
 */
export type Role = 'guest' | 'buyer' | 'member' | 'colleague' | 'other' | 'admin';

export interface Answer {
  status: number;
  location: string | null;
  html: string;
  /** what a person reads, in one line */
  readonly text: string;
  headers: Headers;
}

export interface SendOptions {
  fields?: Record<string, string>;
  /** default: a token that fits the session; null for none */
  token?: string | null;
  headers?: Record<string, string>;
  /** the body as it is, instead of fields */
  body?: string;
}

export type Visitor = ReturnType<typeof createVisitor>;
export type World = Awaited<ReturnType<typeof buildWorld>>;

export async function buildWorld(given?: Market) {
  const market = given ?? (await openMarket());
  const { db, at } = market;
  const sale = await market.eventOnSale();
  const { browser: member } = sale;
  const organizer = await db('organizers').where({ slug: 'analytical-society' }).first('id', 'slug');
  await member.submit(await member.open(at(`/organizer/organizers/${organizer.id}/edit`)), {
    terms: '# Come as you are\n\n- No engines\n- [More](https://society.example/terms)',
    refund_policy: 'Until a week before, **all** of it.',
    imprint: 'Analytical Society\n12 Mill Lane, Cambridge',
  });
  const draftEvent = await draft(market, member, { title: 'A Draft of the Engine' });
  await member.submit(
    await member.open(at(`/organizer/events/${sale.id}/codes`)),
    { code: 'FRIENDS', kind: 'percent', value: '20', use_limit: '10' },
    { action: /codes$/ },
  );
  const code = await db('discount_codes').where({ event_id: sale.id }).first('id');
  const gift = await member.submit(
    await member.open(at(`/organizer/events/${sale.id}/complimentary-orders/new`)),
    { quantity: '2', name: 'Mary Somerville', email: 'mary@example.com', reason: 'Speaker' },
    { action: /complimentary-orders$/ },
  );
  const message = await member.submit(
    await member.open(at(`/organizer/events/${sale.id}/messages`)),
    { subject: 'Doors', body: 'Doors open at seven.\n\nCome early.', action: 'send' },
    { action: /messages$/ },
  );
  const toUnpublish = await market.publish(member, { title: 'Off Sale Soon' });
  const toCancel = await market.publish(member, { title: 'Cancelled Soon' });
  const unfinished = await member.submit(await member.open(at('/organizer/events/new')), {
    title: 'Half of a form',
    action: 'save_draft',
  });

  const paid = await market.buy(sale.slug, 2);
  const buyer = paid.browser;
  const held = await market.choose(buyer, sale.slug, 1);
  const toRelease = await market.choose(buyer, sale.slug, 1);
  const atStripe = await market.choose(buyer, sale.slug, 1);
  await market.details(buyer, atStripe);

  const undecided = { desk: await undecidedOrder(market, sale), admin: await undecidedOrder(market, sale) };

  const { browser: other } = await market.organizer('Difference Club');
  const others = await db('organizers').where({ slug: 'difference-club' }).first('id', 'slug');
  const othersEvent = await draft(market, other, { title: 'Nobody Else Knows' });
  const ofThird = await market.eventOnSale({ name: 'Loom Works' });
  const admin = await market.admin();
  const colleague = await addColleague(market, organizer.id);
  await forgetPassword(market);

  await market.settle();
  const refunds = await refundSome(market, sale, member);
  // from here on nothing arrives by itself
  await market.control('POST', '/webhooks', { mode: 'muted' });
  await writeHeartbeat(db);
  const questions = await askBuyers(market, member, sale.id);
  const draftQuestions = await askBuyers(market, member, draftEvent);
  await buyer.submit(
    await buyer.open(paid.url.split('?')[0]!),
    {
      [`answer.${questions.order}.0`]: 'From a friend',
      [`answer.${questions.ticket}.1`]: 'Annabella',
      [`answer.${questions.ticket}.2`]: 'George',
    },
    { action: /answers$/ },
  );
  await db('orders')
    .where({ event_id: sale.id, status: 'paid' })
    .update({ self_cancellation: 'both:24:whole' });
  const type = await db('ticket_types').where({ event_id: sale.id }).first('id', 'price');
  const mail = await db('mails').where({ template: 'order-paid' }).first('id');
  const findingId = newId();
  await db('findings').insert({
    id: findingId,
    kind: 'ledger_drift',
    subject: 'ledger_drift:of the walk',
    stripe_account_id: sale.account,
    livemode: false,
    details: JSON.stringify({
      day: '2026-11-25',
      differences: [{ payment: 'pi_1', what: 'paid', ours: '1500 eur', stripes: '2000 eur' }],
    }),
  });
  const reportId = newId();
  await db('abuse_reports').insert({
    id: reportId,
    event_id: sale.id,
    kind: 'fraud',
    message: 'There is no such hall.\nI went there.',
    reporter_email: 'charles@example.com',
  });
  const ownerOfThird = await db('memberships')
    .join('stripe_connections', 'stripe_connections.organizer_id', 'memberships.organizer_id')
    .where({ 'stripe_connections.id': ofThird.connectionId })
    .first('memberships.organizer_id', 'memberships.user_id');
  const memberOfFirst = await db('memberships')
    .where({ organizer_id: organizer.id, role: 'owner' })
    .first('user_id');
  const stripeEvent = await db('stripe_events').whereNotNull('processed_at').orderBy('id').first('id');
  const browsers = { member, colleague, other, admin };
  const people = Object.fromEntries(
    Object.entries(browsers).map(([role, browser]) => [role, createVisitor(market, browser)]),
  ) as Record<keyof typeof browsers, Visitor>;

  return {
    market,
    db,
    browsers,
    /** Guests and buyers come anew each time, the buyer with the cookie of their orders. */
    visitor: (role: Role): Visitor => {
      if (role === 'guest') return createVisitor(market);
      return role === 'buyer' ? createVisitor(market, buyer) : people[role];
    },
    organizerId: organizer.id as string,
    reportId,
    findingId,
    /** orders that need attention: one for the organizer to decide, one for the admin */
    undecided,
    thirdOrganizerId: ownerOfThird.organizer_id as string,
    thirdMemberId: ownerOfThird.user_id as string,
    memberId: memberOfFirst.user_id as string,
    organizerSlug: organizer.slug as string,
    othersOrganizerId: others.id as string,
    othersEvent,
    slug: sale.slug,
    typeId: type.id as string,
    price: String(type.price),
    memberEmail: sale.email,
    event: sale.id,
    draftEvent,
    toUnpublish: toUnpublish.id,
    toCancel: toCancel.id,
    ...refunds,
    draftId: new URL(unfinished.url).searchParams.get('draft')!,
    connection: sale.connectionId,
    thirdConnection: ofThird.connectionId,
    orderId: (await market.orderOf(paid.url)).id as string,
    tokens: {
      paid: tokenIn(paid.url),
      held: tokenIn(held.url),
      toRelease: tokenIn(toRelease.url),
      atStripe: tokenIn(atStripe.url),
    },
    ticketCode: /href="\/tickets\/([^"]+)"/.exec(paid.page.html)![1]!,
    codeId: code.id as string,
    /** of the event on sale: one that has to be answered for the order, and the name of a ticket */
    questions,
    draftQuestions,
    messageId: /messages\/([\w-]{36})/.exec(message.url)![1]!,
    giftId: /[\w-]{36}/.exec(gift.url)![0],
    mailId: mail.id as string,
    stripeEventId: stripeEvent.id as string,
    /** of somebody who is none of them */
    passwordReset: await mailedLink(db, FORGETFUL, 'reset-password'),
    /** of the colleague, who has not confirmed their address */
    emailConfirmation: await mailedLink(db, COLLEAGUE, 'verify-email'),
    close: () => market.close(),
  };
}

/** An order whose account could not be asked for a while; its session has died unpaid meanwhile. */
async function undecidedOrder(market: Market, sale: { slug: string }): Promise<string> {
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  await market.details(guest, page);
  const { id } = await market.orderOf(page.url);
  const attempt = await market.db('payment_attempts').where({ order_id: id }).first();
  await market.db('payment_attempts').where({ order_id: id }).update({ status: 'expired' });
  const state = { status: 'needs_attention', status_detail: 'account_unreachable' };
  await market.db('orders').where({ id }).update(state);
  await market.control('POST', `/sessions/${attempt.checkout_session_id}/expire`);
  return id as string;
}

/** Sends single requests with a browser's cookies, follows nothing, and says what came. */
export function createVisitor(market: Pick<Market, 'baseUrl'>, browser?: Browser) {
  const host = new URL(market.baseUrl).host;
  const jar = browser?.cookies(host) ?? new Map<string, string>();
  let known: { session: string | undefined; token: string } | null = null;

  async function send(method: string, path: string, options: SendOptions = {}): Promise<Answer> {
    const posts = method !== 'GET';
    const token = posts && options.token === undefined ? await ownToken() : options.token;
    const fields = { ...options.fields, ...(token ? { _csrf: token } : {}) };
    const answer = await fetch(market.baseUrl + path, {
      method,
      redirect: 'manual',
      headers: {
        Accept: 'text/html',
        Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(posts ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}),
        ...options.headers,
      },
      body: posts ? (options.body ?? new URLSearchParams(fields).toString()) : undefined,
    });
    for (const cookie of answer.headers.getSetCookie()) keep(cookie);
    const html = await answer.text();
    return {
      status: answer.status,
      location: answer.headers.get('location'),
      html,
      get text() {
        return textOfHtml(html);
      },
      headers: answer.headers,
    };
  }

  /** The token of this session, from a form of a page that this person sees. */
  async function ownToken(): Promise<string> {
    if (known && known.session === jar.get('sid')) return known.token;
    for (const path of ['/organizer/organizers/new', '/sign-in']) {
      const page = await send('GET', path);
      const token = formsOf(page.html).find((form) => form.values['_csrf'])?.values['_csrf'];
      if (token) known = { session: jar.get('sid'), token };
      if (token) return token;
    }
    throw new Error('No form with a token for this visitor');
  }

  function keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split(';');
    const name = pair.slice(0, pair.indexOf('='));
    if (attributes.some((attribute) => /^\s*expires=Thu, 01 Jan 1970/i.test(attribute))) jar.delete(name);
    else jar.set(name, pair.slice(pair.indexOf('=') + 1));
  }

  return { send, ownToken, cookies: jar };
}

/** A token or code with one letter of its signature changed. */
export function forged(token: string): string {
  const place = token.length - 6;
  return token.slice(0, place) + (token[place] === 'A' ? 'B' : 'A') + token.slice(place + 1);
}

async function draft(market: Market, browser: Browser, fields: Record<string, string>): Promise<string> {
  const form = await browser.open(market.at('/organizer/events/new'));
  const saved = await browser.submit(form, { ...EVENT, ...fields, action: 'save' });
  return /\/organizer\/events\/([0-9a-f-]{36})/.exec(saved.url)![1]!;
}

/** Asks for something that has to be answered once, and for a name on each ticket. */
async function askBuyers(market: Market, member: Browser, eventId: string) {
  const desk = market.at(`/organizer/events/${eventId}/questions`);
  const asked = { required: '1', shown_at_door: '1', help: 'We print it on the programme.' };
  const forms: Record<string, string>[] = [
    { ...asked, label: 'How did you hear of us?', kind: 'text' },
    { label: 'Whose ticket is it?', kind: 'name' },
    { label: 'What do you like?', kind: 'several_of', options: 'Cards\nWheels' },
  ];
  for (const fields of forms) await member.submit(await member.open(desk), fields, { action: /questions$/ });
  const rows = await market.db('questions').where({ event_id: eventId }).select('id', 'kind');
  const idOf = (kind: string) => rows.find((row) => row.kind === kind)!.id as string;
  return { order: idOf('text'), ticket: idOf('name') };
}

/** Refunds that wait: two that the account's balance did not cover, one at Stripe without its tickets; a cancelled event. */
async function refundSome(market: Market, sale: { slug: string; account: string }, member: Browser) {
  const { slug, id: cancelledEvent } = await market.publish(member, { title: 'Cancelled and Paid' });
  await market.buy(slug, 1);
  const orders: { id: string }[] = [];
  for (let n = 0; n < 3; n += 1) orders.push(await market.orderOf((await market.buy(sale.slug, 1)).url));
  await market.settle();
  await member.submit(
    await member.open(market.at(`/organizer/events/${cancelledEvent}/cancellation`)),
    { reason: 'The hall has burned down' },
    { action: /cancellation/ },
  );
  const { charges } = (await market.ledger()).accounts[sale.account]! as unknown as {
    charges: { id: string; payment_intent: string }[];
  };
  const atStripe = await market
    .db('payment_attempts')
    .where({ order_id: orders[0]!.id, status: 'paid' })
    .first('payment_intent_id');
  await fetch(`${market.simulator.url}/dashboard/${sale.account}/refunds`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      charge: charges.find((charge) => charge.payment_intent === atStripe.payment_intent_id)!.id,
      amount: '3.00',
    }).toString(),
  });
  await market.settle();
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
  for (const order of orders.slice(1))
    await member.submit(
      await member.open(market.at(`/organizer/orders/${order.id}/refunds/preview?scope=order`)),
      {},
      { action: /refunds$/ },
    );
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
  const rows = await market
    .db('refunds')
    .whereIn(
      'order_id',
      orders.map((order) => order.id),
    )
    .select('id', 'order_id');
  const refundOf = (n: number) => rows.find((row) => row.order_id === orders[n]!.id)!.id as string;
  return {
    cancelledEvent,
    refundedAtStripe: refundOf(0),
    stoppedRefund: refundOf(1),
    stoppedRefundToo: refundOf(2),
    orderOfStopped: orders[1]!.id as string,
  };
}

const FORGETFUL = 'forgetful@example.com';
const COLLEAGUE = 'colleague@example.com';

async function forgetPassword(market: Market): Promise<void> {
  const browser = createBrowser();
  const form = await browser.open(market.at('/sign-up'));
  await browser.submit(form, { name: 'Percy', email: FORGETFUL, password: 'four quiet words here' });
  await browser.submit(await browser.open(market.at('/forgotten-password')), { email: FORGETFUL });
}

async function addColleague(market: Market, organizerId: string): Promise<Browser> {
  const browser = createBrowser();
  const email = COLLEAGUE;
  await browser.submit(await browser.open(market.at('/sign-up')), {
    name: 'Luigi',
    email,
    password: 'four quiet words here',
  });
  const { id } = await market.db('users').where({ email }).first('id');
  await market.db('memberships').insert({ user_id: id, organizer_id: organizerId, role: 'member' });
  return browser;
}

function tokenIn(url: string): string {
  return /\/orders\/([\w-]{43})/.exec(url)![1]!;
}

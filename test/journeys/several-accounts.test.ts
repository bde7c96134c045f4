/** Several accounts of one organizer: chosen per event, switched for new orders only, and never in another's place by themselves. */
import { type Browser, type BrowserPage, createBrowser } from '../support/browser';
import { brokenInvariants, EVENT, type Market, openMarket, PASSWORD } from '../support/market';

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(() => market.close());

const payments = () => market.at('/organizer/payments');
const OFF_SALE = 'Paid tickets are not on sale right now';

interface House {
  browser: Browser;
  email: string;
  organizerId: string;
  /** the first account, which is the default */
  first: { id: string; account: string };
  event: { id: string; slug: string };
}

let houses = 0;

async function openHouse(): Promise<House> {
  const sale = await market.eventOnSale({ name: `House ${(houses += 1)}` });
  const { organizer_id } = await market.db('events').where({ id: sale.id }).first('organizer_id');
  return {
    browser: sale.browser,
    email: sale.email,
    organizerId: organizer_id,
    first: { id: sale.connectionId, account: sale.account },
    event: { id: sale.id, slug: sale.slug },
  };
}

/** Goes to Stripe for one more account and makes one there. */
async function connectAnother(house: House): Promise<{ id: string; account: string; text: string }> {
  const page = await market.connect(house.browser, await house.browser.open(payments()));
  expect(page.url).toBe(payments());
  const row = await market
    .db('stripe_connections')
    .where({ organizer_id: house.organizerId })
    .orderBy('connected_at', 'desc')
    .first();
  return { id: row.id, account: row.stripe_user_id, text: page.text };
}

/** Goes to Stripe by a form of the payments page and signs in to an account that is there. */
async function connectAgain(house: House, account: string, fields: Record<string, string> = {}) {
  const authorize = await house.browser.submit(await house.browser.open(payments()), fields, {
    action: '/stripe/connect',
  });
  return house.browser.submit(authorize, { action: 'sign_in', account }, { action: /oauth\/authorize/ });
}

async function editEvent(house: House, fields: Record<string, string>) {
  const form = await house.browser.open(market.at(`/organizer/events/${house.event.id}/edit`));
  return house.browser.submit(form, { ...fields, action: 'save' }, { action: /\/edit$/ });
}

async function disconnect(house: House, connectionId: string) {
  const page = await house.browser.open(market.at(`/stripe/connections/${connectionId}/disconnection`));
  return house.browser.submit(page, {}, { action: /disconnection/ });
}

const makeDefault = async (house: House, connectionId: string) =>
  house.browser.submit(
    await house.browser.open(market.at(`/stripe/connections/${connectionId}/default`)),
    {},
    { action: /default$/ },
  );

const publicPage = async (house: House) =>
  (await createBrowser().open(market.at(`/events/${house.event.slug}`))).text;

const accountOfNextOrder = async (house: House) =>
  (await market.orderOf((await market.buy(house.event.slug, 1)).url)).stripe_account_id;

const callsOf = async (path: RegExp) =>
  (await market.requests())
    .filter((request) => path.test(request.path))
    .map(({ method, account }) => `${method} ${account}`);

test('X8: one more account changes nothing by itself; an event that names it moves new orders only', async () => {
  const house = await openHouse();
  const before = await market.buy(house.event.slug, 1);
  const second = await connectAnother(house);
  expect(second.text).toMatch(/Connected to .*Your default account stays the same/);
  expect(await accountOfNextOrder(house)).toBe(house.first.account);

  // begun on the first account, and open while the event changes its account
  const buyer = createBrowser();
  const open = await market.choose(buyer, house.event.slug, 1);
  const leading = await market.details(buyer, open);
  const form = await house.browser.open(market.at(`/organizer/events/${house.event.id}/edit`));
  expect(form.text).toContain(`The default: Analytical Society (${house.first.account})`);
  expect((await editEvent(house, { stripe_connection: second.id })).text).toMatch(/Your changes are saved/);
  expect(await accountOfNextOrder(house)).toBe(second.account);

  expect(await market.settle()).toEqual([]);
  await market.control('DELETE', '/requests');
  const paid = await market.pay(buyer, leading);
  expect(paid.text).toMatch(/Yes, 1 ticket/);
  expect(await market.settle()).toEqual([]);
  const calls = await callsOf(/^\/v1\/checkout\/sessions/);
  expect(calls.length).toBeGreaterThan(0);
  expect(new Set(calls)).toEqual(new Set([`GET ${house.first.account}`]));
  expect((await market.orderOf(open.url)).stripe_account_id).toBe(house.first.account);
  expect((await market.orderOf(before.url)).stripe_account_id).toBe(house.first.account);
  expect(
    await market.db('audit_log').where({ subject_id: house.event.id, action: 'event.account_changed' }),
  ).toEqual([expect.objectContaining({ details: { before: house.first.account, account: second.account } })]);
});

test('the default is switched on a page of its own, by an owner, with a mail; orders that are open are ended on their own account', async () => {
  const house = await openHouse();
  const second = await connectAnother(house);
  const open = await market.choose(createBrowser(), house.event.slug, 1);
  const buyer = createBrowser();
  const begun = await market.choose(buyer, house.event.slug, 1);
  await market.details(buyer, begun);
  const page = await house.browser.open(market.at(`/stripe/connections/${second.id}/default`));
  expect(page.text).toMatch(
    /New orders are paid to Analytical Society .* instead of Analytical Society .*It concerns one event: An Evening with the Engine\..*the one payment under way now, keep the account/,
  );
  expect((await makeDefault(house, second.id)).text).toMatch(/is your default account now/);
  expect(
    await market.db('mails').where({ recipient: house.email, template: 'default-account' }),
  ).toHaveLength(1);
  // pressed twice: nothing more
  const again = await house.browser.open(market.at(`/stripe/connections/${second.id}/default`));
  expect(again.text).toContain('This is your default account');
  expect(await accountOfNextOrder(house)).toBe(second.account);
  expect((await market.orderOf(open.url)).stripe_account_id).toBeNull();

  await market.control('DELETE', '/requests');
  const given = await buyer.submit(await buyer.open(begun.url), {}, { action: /release$/ });
  expect(given.text).toMatch(/You gave these tickets back/);
  expect(await callsOf(/\/expire$/)).toEqual([`POST ${house.first.account}`]);
});

test('switching the default asks a person who has been here for long for the password', async () => {
  const house = await openHouse();
  const second = await connectAnother(house);
  const page = await house.browser.open(market.at(`/stripe/connections/${second.id}/default`));
  await market.db.raw(
    `UPDATE sessions SET data = jsonb_set(data::jsonb, '{authenticatedAt}', to_jsonb(extract(epoch FROM now())::bigint - 601))
      WHERE user_id = (SELECT id FROM users WHERE email = ?)`,
    [house.email],
  );
  for (const [address, action] of [
    [`/stripe/connections/${second.id}/default`, /default$/],
    [`/stripe/connections/${second.id}/disconnection`, null],
  ] as const) {
    const asked = action
      ? await house.browser.submit(page, {}, { action })
      : await house.browser.open(market.at(address));
    expect(asked.url).toContain('/confirm-password?next=');
  }
  expect(await accountOfNextOrder(house)).toBe(house.first.account);
  await house.browser.submit(
    await house.browser.open(market.at('/confirm-password?next=/organizer/payments')),
    { password: PASSWORD },
    { action: /confirm-password/ },
  );
  expect((await makeDefault(house, second.id)).text).toMatch(/is your default account now/);
});

test('promise 5: no other account takes the place of a default that has gone; the same account takes its own place again', async () => {
  const house = await openHouse();
  const second = await connectAnother(house);
  await disconnect(house, house.first.id);
  expect(await publicPage(house)).toContain(OFF_SALE);
  const desk = await house.browser.open(market.at('/organizer'));
  expect(desk.text).toMatch(/Your Stripe account is disconnected.*no other one takes its place by itself/);
  expect((await house.browser.open(payments())).text).toMatch(/You have no default account/);
  // one more does not take it either
  const third = await connectAnother(house);
  expect(third.text).toMatch(/Your default account stays the same/);
  expect(await publicPage(house)).toContain(OFF_SALE);
  await expect(market.buy(house.event.slug, 1)).rejects.toThrow();

  const history = await house.browser.open(payments());
  expect(history.text).toMatch(/Earlier connections.*Connect again/);
  const back = await connectAgain(house, house.first.account, { connection: house.first.id });
  expect(back.text).toContain(`Connected to Analytical Society (${house.first.account})`);
  expect(await accountOfNextOrder(house)).toBe(house.first.account);
  expect(await market.db('stripe_connections').where({ id: second.id }).first()).toMatchObject({
    status: 'active',
  });
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});

test('an event whose own account has gone stops, says so on the desk, and goes on when that account comes back', async () => {
  const house = await openHouse();
  const second = await connectAnother(house);
  await editEvent(house, { stripe_connection: second.id });
  await disconnect(house, second.id);
  expect(await publicPage(house)).toContain(OFF_SALE);
  const desk = await house.browser.open(market.at('/organizer'));
  expect(desk.text).toMatch(
    new RegExp(`Paid tickets of “An Evening with the Engine” are off sale.*${second.account}`),
  );
  const event = await house.browser.open(market.at(`/organizer/events/${house.event.id}`));
  expect(event.text).toMatch(/is no longer connected, so paid tickets are not on sale/);
  // an edit of anything else keeps the account that was named
  expect((await editEvent(house, { title: 'An Evening with the Engine' })).text).toMatch(/saved/);
  expect(await publicPage(house)).toContain(OFF_SALE);

  await connectAgain(house, second.account, { connection: second.id });
  expect(await accountOfNextOrder(house)).toBe(second.account);
});

test('connecting again with another account than the one that ended says so, and moves nothing', async () => {
  const house = await openHouse();
  const second = await connectAnother(house);
  await editEvent(house, { stripe_connection: second.id });
  await disconnect(house, second.id);
  const { id: stranger } = (await market.control('POST', '/accounts', {
    email: `other${houses}@example.com`,
  })) as { id: string };
  const page = await connectAgain(house, stranger, { connection: second.id });
  expect(page.text).toMatch(
    new RegExp(`Connected to .*${stranger}.*That is another account than .*${second.account}`),
  );
  expect(await publicPage(house)).toContain(OFF_SALE);
});

test('an event can name no account that is not the organizer’s, nor one that has ended', async () => {
  const house = await openHouse();
  const others = await openHouse();
  const second = await connectAnother(house);
  await disconnect(house, second.id);
  for (const id of [others.first.id, second.id, 'not-an-id']) {
    const page = await editEvent(house, { stripe_connection: id });
    expect(page.status).toBe(422);
    expect(page.text).toContain('Choose an account that is connected');
  }
  const made = await house.browser.submit(await house.browser.open(market.at('/organizer/events/new')), {
    ...EVENT,
    stripe_connection: others.first.id,
    action: 'save',
  });
  expect(made.status).toBe(422);
  // and the database holds it too
  await expect(
    market.db('events').where({ id: house.event.id }).update({ stripe_connection_id: others.first.id }),
  ).rejects.toMatchObject({ constraint: 'events_connection_is_the_organizers' });
  await expect(
    market
      .db('organizers')
      .where({ id: house.organizerId })
      .update({ default_connection_id: others.first.id }),
  ).rejects.toMatchObject({ constraint: 'organizers_default_connection_is_theirs' });
});

test('O6, O15: two tabs of one organizer that had none: the first account stays, the other grant is given back at Stripe', async () => {
  const { browser } = await market.organizer(`House ${(houses += 1)}`);
  const tabs = [await browser.open(payments()), await browser.open(payments())];
  const atStripe: BrowserPage[] = [];
  for (const tab of tabs) atStripe.push(await browser.submit(tab, {}, { action: '/stripe/connect' }));
  const finish = (page: BrowserPage, email: string) =>
    browser.submit(
      page,
      { action: 'create', email, business_name: 'Tab', country: 'DE', charges_enabled: 'on' },
      { action: /oauth\/authorize/ },
    );
  expect((await finish(atStripe[0]!, 'one@example.com')).text).toMatch(/Connected to/);
  const second = await finish(atStripe[1]!, 'two@example.com');
  expect(second.text).toMatch(/Another Stripe account was connected here meanwhile/);
  const ended = (await market.requests()).findLast(({ path }) => path === '/oauth/deauthorize');
  expect(ended?.status).toBe(200);
  await expect(
    market.testApp.dependencies.stripe.retrieveAccount({
      account: ended!.params['stripe_user_id']!,
      livemode: false,
    }),
  ).rejects.toMatchObject({ problem: 'access_lost' });
});

test('O15: an account that one’s own other organizer has is named, a stranger’s is not', async () => {
  const house = await openHouse();
  await house.browser.submit(await house.browser.open(market.at('/organizer/organizers/new')), {
    name: 'My Second Stage',
    contact_email: house.email,
  });
  const authorize = await house.browser.submit(
    await house.browser.open(payments()),
    {},
    { action: '/stripe/connect' },
  );
  const page = await house.browser.submit(
    authorize,
    { action: 'sign_in', account: house.first.account },
    { action: /oauth\/authorize/ },
  );
  const name = (await market.db('organizers').where({ id: house.organizerId }).first()).name;
  expect(page.text).toContain(`It is connected to ${name}, which is yours too`);
  const switched = await house.browser.submit(page, {}, { action: '/organizer/current' });
  expect(switched.text).toContain(name);
});

/** The fee that an admin agrees with one organizer: who is told, what new orders carry, what earlier ones keep. */
import { type Browser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let admin: Browser;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let path: string;
beforeAll(async () => {
  market = await openMarket();
  admin = await market.admin();
  sale = await market.eventOnSale();
  const { organizer_id } = await market.db('events').where({ id: sale.id }).first('organizer_id');
  path = `/admin/organizers/${organizer_id}/fees`;
});
afterAll(() => market.close());

const OWN = {
  currency: 'eur',
  rule: 'own',
  percent: '1.5',
  fixed: '0.10',
  least: '0.60',
  most: '2',
  reason: 'A charity',
};
const setFee = async (fields: Record<string, string>) =>
  admin.submit(await admin.open(market.at(path)), fields);
const feeOf = async (url: string) => (await market.orderOf(url)).application_fee_amount as bigint;

it('holds for new orders, and is what Stripe is asked to keep; orders that were begun keep theirs', async () => {
  const before = await market.buy(sale.slug, 2);
  const done = await setFee(OWN);
  expect(done.text).toContain('The fee holds for new orders from now on');
  expect(done.text).toContain('1.5 % plus €0.10 for each paid ticket, at least €0.60 and at most €2.00');

  const after = await market.buy(sale.slug, 2);
  // by hand: 20.00 × 2.5 % + 0.30 = 0.80; 20.00 × 1.5 % + 0.10 = 0.40, at least 0.60
  expect(await feeOf(before.url)).toBe(160n);
  expect(await feeOf(after.url)).toBe(120n);
  const fees = (await market.ledger()).accounts[sale.account]!.charges.map(
    (charge) => charge.application_fee_amount,
  );
  expect(fees.sort()).toEqual([120, 160]);
});

it('is told to the owners, shown where they publish and are paid, and kept in the audit log', async () => {
  const mail = await market
    .db('mails')
    .where({ template: 'organizer-fee-changed', recipient: sale.email })
    .first('text_body');
  expect(mail.text_body).toContain('Before, it was: 2.5 % plus €0.30 for each paid ticket');
  expect(mail.text_body).toContain('A charity');
  const audit = await market.db('audit_log').where({ action: 'organizer.fee_changed' }).first();
  expect(audit).toMatchObject({ actor: 'admin', reason: 'A charity' });

  const words = '1.5 % plus €0.10 for each paid ticket, at least €0.60 and at most €2.00';
  expect((await sale.browser.open(market.at('/organizer/payments'))).text).toContain(words);
  const draft = await sale.browser.submit(
    await sale.browser.open(market.at(`/organizer/events/${sale.id}`)),
    {},
    { action: /duplicates/ },
  );
  const copy = /[0-9a-f-]{36}/.exec(draft.url)![0];
  const publication = await sale.browser.open(market.at(`/organizer/events/${copy}/publication`));
  expect(publication.text).toContain(`Foyer keeps of each payment: ${words}`);
});

it('sent again changes nothing and tells nobody', async () => {
  const again = await setFee(OWN);
  expect(again.text).toContain('It was so already');
  expect(await market.db('mails').where({ template: 'organizer-fee-changed' })).toHaveLength(1);
});

it.each([
  ['no percentage', { ...OWN, percent: '' }, 'Enter a percentage from 0 to 99.99'],
  ['a percentage of all', { ...OWN, percent: '100' }, 'Enter a percentage from 0 to 99.99'],
  ['an amount with a sign', { ...OWN, fixed: '-1' }, 'Enter an amount in EUR'],
  ['half a fils', { ...OWN, currency: 'kwd', fixed: '0.105' }, 'Enter an amount in KWD'],
  ['the most below the least', { ...OWN, most: '0.50' }, 'Enter at least €0.60'],
  ['a currency that is none', { ...OWN, currency: 'xxx' }, 'Choose a currency'],
  ['no reason', { ...OWN, percent: '3', reason: ' ' }, 'Enter the reason'],
])('is refused with %s, with what was typed', async (_what, fields, problem) => {
  const answer = await setFee(fields);
  expect(answer.status).toBe(422);
  expect(answer.text).toContain(problem);
  const { percent_hundredths } = await market.db('organizer_fees').where({ currency: 'eur' }).first();
  expect(percent_hundredths).toBe(150);
});

it('of nothing is left out at Stripe, and the platform’s comes back', async () => {
  await setFee({
    currency: 'eur',
    rule: 'own',
    percent: '0',
    fixed: '',
    least: '',
    most: '',
    reason: 'Free',
  });
  const bought = await market.buy(sale.slug, 1);
  expect(await feeOf(bought.url)).toBe(0n);
  const asked = (await market.requests())
    .filter((request) => request.path === '/v1/checkout/sessions')
    .at(-1)!;
  expect(Object.keys(asked.params).join()).not.toContain('application_fee_amount');

  await setFee({ currency: 'eur', rule: 'platform', reason: 'The year is over' });
  expect(await market.db('organizer_fees')).toHaveLength(0);
  expect(await feeOf((await market.buy(sale.slug, 1)).url)).toBe(80n);
});

/** Find my tickets: the same answer for everybody, and the links only in the mail of whom they belong to. */
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let orderUrl: string;
beforeAll(async () => {
  market = await openMarket();
  const sale = await market.eventOnSale();
  orderUrl = (await market.buy(sale.slug, 2)).url.split('?')[0]!;
  await market.choose(createBrowser(), sale.slug, 1);
  await market.settle();
});
afterAll(() => market.close());

const ask = async (email: string) => {
  const browser = createBrowser();
  const form = await browser.open(market.at('/find-my-tickets'));
  const answer = await browser.submit(form, { email }, { action: '/find-my-tickets' });
  await market.settle();
  return answer;
};
const mails = () => market.db('mails').where({ template: 'find-tickets' });

test('the buyer gets a mail with the link to each order that has tickets', async () => {
  const answer = await ask(' Charles@Example.com ');
  expect(answer.text).toMatch(/Look into your mailbox.*If there are tickets under this address/);
  const [mail] = await mails();
  expect(mail).toMatchObject({ recipient: 'charles@example.com', status: 'kept' });
  expect(mail.text_body).toContain(orderUrl);
  expect(mail.html_body).toContain(`href="${orderUrl}"`);
  expect(mail.text_body).toMatch(/An Evening with the Engine\n.*15 Mar 2030, 19:30 · order [0-9A-Z]{8}/);
  const opened = await createBrowser().open(orderUrl);
  expect(opened.text).toMatch(/You are in/i);
});

test('an address without tickets gets the same answer and no mail', async () => {
  const before = (await mails()).length;
  const known = await ask('charles@example.com');
  const unknown = await ask('nobody@example.com');
  expect(unknown.html).toBe(known.html);
  expect(await mails()).toHaveLength(before + 1);
  expect(await market.db('mails').where({ recipient: 'nobody@example.com' })).toEqual([]);
});

test('tickets of an event that is long over are not mailed', async () => {
  await market.db('events').update({
    starts_at: market.db.raw("now() - interval '92 days'"),
    ends_at: market.db.raw("now() - interval '91 days'"),
  });
  const before = (await mails()).length;
  await ask('charles@example.com');
  expect(await mails()).toHaveLength(before);
});

test('a mail box is not flooded: the fourth time within an hour is refused, whoever asks', async () => {
  for (let time = 0; time < 3; time += 1) expect((await ask('flooded@example.com')).status).toBe(200);
  const refused = await ask('flooded@example.com');
  expect([refused.status, refused.text]).toEqual([429, expect.stringMatching(/asked for several times/)]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
});

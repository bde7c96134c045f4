import { EVENT } from '../support/market';
import { postForm, signUpOrganizer, textOf } from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';

let testApp: TestApp;

beforeAll(async () => {
  testApp = await createTestApp();
});
beforeEach(() => testApp.db('rate_limits').delete());
afterAll(() => testApp.close());

/** A published event with free tickets; answers its address. */
async function freeEvent(): Promise<string> {
  const { agent } = await signUpOrganizer(testApp);
  const saved = await postForm(agent, '/organizer/events/new', {
    ...EVENT,
    'tickets.0.kind': 'free',
    'tickets.0.price': '',
    action: 'save',
  });
  const home = saved.headers.location as string;
  await postForm(agent, `${home}/publication`, {}, { action: `${home}/publication` });
  const { slug } = await testApp
    .db('events')
    .where({ id: home.split('/').pop() })
    .first();
  return `/events/${slug}`;
}

async function hold(agent: ReturnType<TestApp['agent']>, event: string) {
  const page = await agent.get(event);
  const quantity = /name="(quantity\.[^"]+)"/.exec(page.text)![1]!;
  return postForm(agent, event, { [quantity]: '1' });
}

test('guessed addresses of orders and tickets are counted together, and end in a 429 that says when to come back', async () => {
  const agent = testApp.agent();
  const statuses = [];
  for (let round = 0; round < 100; round += 1)
    statuses.push(
      (await agent.get(`/${round % 2 ? 'orders' : 'tickets'}/${'A'.repeat(40)}${100 + round}`)).status,
    );
  expect(statuses).toEqual(Array<number>(100).fill(404));
  const closed = await testApp.agent().get(`/orders/${'B'.repeat(43)}`);
  expect(closed.status).toBe(429);
  expect(Number(closed.headers['retry-after'])).toBeGreaterThan(0);
  expect(textOf(closed)).toContain('Wait 15 minutes');
  const payment = await testApp
    .agent()
    .post(`/orders/${'B'.repeat(43)}/payment`)
    .type('form')
    .send({});
  expect(payment.status).toBe(429);
});

test('who has the address reaches their order whatever others of their network do', async () => {
  const agent = testApp.agent();
  const held = await hold(agent, await freeEvent());
  expect(held.status).toBe(303);
  for (let round = 0; round < 101; round += 1) await agent.get('/orders/wrong');
  expect((await agent.get('/orders/wrong')).status).toBe(429);
  expect((await agent.get(held.headers.location as string)).status).toBe(200);
});

test('one browser holds five unfinished orders of an event, and reads when to come back', async () => {
  const event = await freeEvent();
  const agent = testApp.agent();
  const statuses = [];
  let last;
  for (let round = 0; round < 6; round += 1) statuses.push((last = await hold(agent, event)).status);
  expect(statuses).toEqual([303, 303, 303, 303, 303, 429]);
  expect(last!.headers['retry-after']).toBe('900');
  expect(textOf(last!)).toContain('Too many unfinished orders');
});

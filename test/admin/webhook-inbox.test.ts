import { newId } from '../../src/lib/ids';
import { type Person, signUp, signUpAdmin, textOf } from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';
import { anEvent, deliver } from '../webhooks/signed-events';
import { act, agePassword, auditOf } from './admins';

let testApp: TestApp;
let admin: Person;
beforeAll(async () => {
  testApp = await createTestApp();
  admin = await signUpAdmin(testApp);
});
afterAll(() => testApp.close());

const stored = (id: string) => testApp.db('stripe_events').where({ id }).first();
const inbox = async (query: string) => textOf(await admin.agent.get(`/admin/webhooks?${query}`).expect(200));

describe('the list', () => {
  it('tells received, processed, failed and parked apart', async () => {
    const states = {
      received: { deliveries: 2 },
      processed: { processed_at: new Date(), attempts: 1, outcome: 'settled' },
      failed: { attempts: 3, last_error: 'Stripe can not be asked' },
      parked: { attempts: 20, last_error: 'Stripe can not be asked' },
    };
    const ids = await Promise.all(
      Object.entries(states).map(async ([state, row]) => {
        const event = anEvent({ id: `evt_list_${state}` });
        await deliver(testApp, event);
        await testApp.db('stripe_events').where({ id: event.id }).update(row);
        return event.id;
      }),
    );
    for (const state of Object.keys(states)) {
      const text = await inbox(`q=evt_list_&status=${state}`);
      expect(ids.filter((id) => text.includes(id))).toEqual([`evt_list_${state}`]);
    }
    const all = await inbox('q=evt_list_');
    expect(ids.filter((id) => all.includes(id))).toHaveLength(4);
  });

  it('finds what was typed, not what it would mean to a database', async () => {
    await deliver(testApp, anEvent({ id: 'evt_with_line' }));
    await deliver(testApp, anEvent({ id: 'evt-with-dash' }));
    expect(await inbox('q=evt_with')).toContain('evt_with_line');
    expect(await inbox('q=evt_with')).not.toContain('evt-with-dash');
    expect(await inbox('q=%25')).toContain('No event matches');
    expect(await inbox('q=a%00b&q=c&page=999999999&status=constructor')).toContain('evt_with_line');
  });

  it('has pages, and shows the last one to who asks for more', async () => {
    for (let n = 0; n < 27; n += 1) await deliver(testApp, anEvent({ id: `evt_many_${n}` }));
    const page = await admin.agent.get('/admin/webhooks?q=evt_many_&page=99').expect(200);
    expect(page.text.match(/href="\/admin\/webhooks\/evt_many_/g)).toHaveLength(2);
    expect(page.text).toMatch(/aria-current="page"><span class="visually-hidden">Page <\/span>2</);
  });
});

it('shows of an event only what is no secret and nothing personal', async () => {
  const event = anEvent({
    data: {
      object: {
        id: 'cs_test_shown',
        object: 'checkout.session',
        payment_status: 'paid',
        amount_total: 4000,
        url: 'https://checkout.stripe.com/c/pay/canary-url',
        client_secret: 'canary-secret',
        customer_details: { email: 'canary@example.com', name: 'Canary' },
        metadata: { note: 'canary-note' },
      },
    },
  });
  await deliver(testApp, event);
  const page = await admin.agent.get(`/admin/webhooks/${event.id}`).expect(200);
  expect(textOf(page)).toMatch(/cs_test_shown.*paid.*4000/);
  expect(page.text).not.toMatch(/canary/i);
});

it.each(['evt_nobody', 'a%00b', '..%2f', 'x'.repeat(400)])('there is no page for %s', async (id) => {
  await admin.agent.get(`/admin/webhooks/${id}`).expect(404);
  await admin.agent.get(`/admin/webhooks/${id}/replay`).expect(404);
});

describe('working off again', () => {
  it('takes the way of every event, and says so in the audit log', async () => {
    const event = anEvent();
    await deliver(testApp, event);
    await testApp.runJobs();
    const before = await stored(event.id);
    expect(before.outcome).toMatch(/^ignored/);

    const answer = await act(admin, `/admin/webhooks/${event.id}/replay`, { reason: 'The fix is live' });
    expect([answer.status, answer.headers.location]).toEqual([303, `/admin/webhooks/${event.id}`]);
    expect(await stored(event.id)).toMatchObject({ processed_at: null, attempts: 0, outcome: null });
    expect(await auditOf(testApp, event.id)).toMatchObject([
      {
        actor: 'admin',
        actor_user_id: admin.id,
        action: 'stripe_event.replayed',
        reason: 'The fix is live',
        details: { outcome_before: before.outcome, attempts_before: 1 },
      },
    ]);
    await testApp.runJobs();
    expect(await stored(event.id)).toMatchObject({ attempts: 1, outcome: before.outcome });
  });

  it('takes up an event that was parked', async () => {
    const organizerId = newId();
    await testApp.db('organizers').insert({
      id: organizerId,
      slug: 'analytical-society',
      name: 'Analytical Society',
      contact_email: 'desk@people.example',
    });
    const event = anEvent({ type: 'account.updated', account: 'acct_1Parked' });
    await testApp.db('stripe_connections').insert({
      id: newId(),
      organizer_id: organizerId,
      stripe_user_id: 'acct_1Parked',
      livemode: false,
      scope: 'read_write',
    });
    await deliver(testApp, event);
    await testApp.db.raw('UPDATE graphile_worker._private_jobs SET attempts = max_attempts');
    await testApp.db('stripe_events').where({ id: event.id }).update({ attempts: 20, last_error: 'away' });
    expect(await testApp.runJobs()).toEqual([]);

    await act(admin, `/admin/webhooks/${event.id}/replay`, { reason: 'Stripe is back' });
    expect(await testApp.runJobs()).toHaveLength(1); // nothing listens where this app looks for Stripe
    expect(await stored(event.id)).toMatchObject({ attempts: 1, last_error: expect.any(String) });
  });

  it('wants a reason, and changes nothing without one', async () => {
    const event = anEvent();
    await deliver(testApp, event);
    await testApp.runJobs();
    const before = await stored(event.id);
    const answer = await act(admin, `/admin/webhooks/${event.id}/replay`, { reason: ' \u200b ' });
    expect(answer.status).toBe(422);
    expect(textOf(answer)).toContain('Enter the reason');
    expect(await stored(event.id)).toEqual(before);
    expect(await auditOf(testApp, event.id)).toEqual([]);
  });

  it('asks for the password again after ten minutes, and leads back', async () => {
    const event = anEvent();
    await deliver(testApp, event);
    await agePassword(testApp, admin, 11);
    const path = `/admin/webhooks/${event.id}/replay`;
    const answer = await admin.agent.get(path).expect(303);
    expect(answer.headers.location).toBe(`/confirm-password?next=${encodeURIComponent(path)}`);
    await agePassword(testApp, admin, 1);
    await admin.agent.get(path).expect(200);
  });

  it('is nobody else’s', async () => {
    const event = anEvent();
    await deliver(testApp, event);
    const person = await signUp(testApp);
    await person.agent.get(`/admin/webhooks/${event.id}/replay`).expect(404);
    await person.agent.get('/admin/webhooks').expect(404);
  });
});

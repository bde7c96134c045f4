/**
 * The main job on the built app, over HTTP, as a stranger with two commands would see it: started from nothing with
 * `node dist/src/server.js`, walked through, stopped. Run after `npm run build`; see .ci/run.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserPage, createBrowser } from '../support/browser';
import { pause, runApp, untilAnswers } from '../support/built-app';

const PASSWORD = 'four quiet words here';
const NEXT_YEAR = new Date().getFullYear() + 1;
const EVENT = {
  title: 'Smoke over the harbour',
  description: 'An evening with **lanterns**.',
  starts_at: `${NEXT_YEAR}-05-20T19:30`,
  ends_at: `${NEXT_YEAR}-05-20T22:00`,
  time_zone: 'Europe/Lisbon',
  location_kind: 'venue',
  venue_name: 'The old crane',
  venue_address: 'Cais das Gaivotas 1, Lisbon',
  currency: 'eur',
  'tickets.0.name': 'Standard',
  'tickets.0.kind': 'paid',
  'tickets.0.price': '20.00',
  'tickets.0.capacity': '50',
  'tickets.0.min_per_order': '1',
  'tickets.0.max_per_order': '4',
};

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'foyer-smoke-'));
  const app = await runApp(process.cwd(), { DATA_DIR: dataDir });
  const at = (path: string) => app.url.replace('127.0.0.1', 'localhost') + path;
  process.once('exit', () => app.process.kill('SIGKILL'));
  try {
    const begun = Date.now();
    await untilAnswers(app, '/healthz');
    console.log(`  answers after ${Date.now() - begun} ms`);
    await untilAnswers(app, '/readyz');
    await walk(at);

    app.process.kill('SIGTERM');
    assert.equal(await app.ended, 0, 'the exit code after SIGTERM');
    done('it stopped in order');
  } catch (error) {
    console.error(app.output());
    throw error;
  } finally {
    app.process.kill('SIGKILL');
    await app.ended;
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  }
}

async function walk(at: (path: string) => string): Promise<void> {
  const guest = createBrowser();
  for (const path of ['/', '/sign-in', '/sign-up', '/dev/mail']) {
    shows(await guest.open(at(path)), /Foyer/, `${path} is there`);
  }

  const organizer = createBrowser();
  const registered = await organizer.submit(await organizer.open(at('/sign-up')), {
    name: 'Olga',
    email: 'olga@example.com',
    password: PASSWORD,
  });
  assert.equal(registered.status, 200, registered.text);
  await organizer.submit(await organizer.open(at('/organizer/organizers/new')), {
    name: 'Lantern Society',
    contact_email: 'olga@example.com',
  });
  done('an organizer signs up');

  const form = await organizer.open(at('/organizer/events/new'));
  const authorize = await organizer.submit(
    form,
    { ...EVENT, from: 'event_form' },
    { submitTo: '/stripe/connect' },
  );
  shows(authorize, /no money moves/i, 'pressing Connect in the middle of the form leads to the simulator');
  const back = await organizer.submit(
    authorize,
    {
      action: 'create',
      email: 'olga@example.com',
      business_name: 'Lantern Society',
      country: 'PT',
      charges_enabled: 'on',
    },
    { action: /oauth\/authorize/ },
  );
  shows(back, /Connected to Lantern Society/, 'and back, connected');
  assert.match(back.html, /value="Smoke over the harbour"/, 'what was typed is still in the form');

  const saved = await organizer.submit(back, { action: 'save' });
  const eventId = /events\/([0-9a-f-]{36})/.exec(saved.url)?.[1];
  assert.ok(eventId, `the event was not saved: ${saved.text}`);
  const tooEarly = await organizer.open(at(`/organizer/events/${eventId}/publication`));
  shows(tooEarly, /Confirm your email address/, 'publishing waits for the address to be confirmed');
  const mail = await guest.open(at(await mailOf(at, 'Confirm your email address')));
  const link = /"(http[^"]+\/email-confirmations\/[\w-]{43})"/.exec(mail.html)?.[1];
  assert.ok(link, `no link in the mail: ${mail.text}`);
  const confirmed = await organizer.submit(
    await organizer.open(at(new URL(link).pathname)),
    {},
    { action: /email-confirmations/ },
  );
  shows(confirmed, /Your email address is confirmed/, 'the link in the mail confirms it');
  const confirm = await organizer.open(at(`/organizer/events/${eventId}/publication`));
  const published = await organizer.submit(confirm, {}, { action: /publication/ });
  const slug = /\/events\/(smoke-over-the-harbour[\w-]*)/.exec(published.html)?.[1];
  assert.ok(slug, `the event was not published: ${published.text}`);
  done('the event is saved and published');

  const eventPage = await guest.open(at(`/events/${slug}`));
  const quantity = /name="(quantity\.[^"]+)"/.exec(eventPage.html)?.[1];
  assert.ok(quantity, `no tickets on sale: ${eventPage.text}`);
  const order = await guest.submit(eventPage, { [quantity]: '2' });
  shows(order, /€40\.00/, 'a guest holds two tickets');
  const leading = await guest.submit(
    order,
    { name: 'Gustav', email: 'gustav@example.com' },
    { action: /\/payment$/ },
  );
  const paid = await guest.submit(
    await guest.followRefresh(leading),
    {
      card_number: '4242 4242 4242 4242',
      exp: '12 / 34',
      cvc: '123',
      name: 'Gustav',
      email: 'gustav@example.com',
    },
    { action: /\/c\/pay\// },
  );
  shows(paid, /You are in.*2 tickets/, 'pays with a test card, and is in');
  await mailOf(at, 'Your tickets for Smoke over the harbour');
  done('the tickets are mailed');

  const admin = createBrowser();
  await admin.submit(await admin.open(at('/sign-in')), {
    email: 'grace@demo.example',
    password: 'demo-compiler-moth',
  });
  const connections = await admin.open(at('/admin/connections'));
  shows(connections, /Lantern Society.*€40\.00/, 'an admin sees the connection and its volume');
  const disconnection = /href="(\/admin\/connections\/[0-9a-f-]{36}\/disconnection)"/.exec(
    connections.html,
  )?.[1];
  assert.ok(disconnection, 'no way to disconnect');
  const ended = await admin.submit(
    await admin.open(at(disconnection)),
    { reason: 'The hall is closed' },
    { action: /disconnection/ },
  );
  shows(ended, /Disconnected/, 'and ends it');

  const next = createBrowser();
  const closed = await next.open(at(`/events/${slug}`));
  shows(closed, /Paid tickets are not on sale right now/, 'the next buyer reads why there are no tickets');
  const refused = await next.post(at(`/events/${slug}/orders`), {
    [quantity]: '1',
    [quantity.replace('quantity', 'price')]: '2000',
  });
  assert.equal(refused.status, 409, 'a buyer whose page was older is refused');
  shows(
    refused,
    /Paid tickets are not on sale right now/,
    'a buyer whose page was older reads the same',
    409,
  );
}

/** Waits for a mail with this subject; answers the path of its page. */
async function mailOf(at: (path: string) => string, subject: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { html } = await createBrowser().open(at('/dev/mail'));
    const path = html
      .split('<tr>')
      .find((row) => row.includes(subject))
      ?.match(/\/dev\/mail\/[0-9a-f-]{36}/)?.[0];
    if (path) return path;
    await pause(100);
  }
  throw new Error(`No mail "${subject}" after ten seconds`);
}

function shows(page: BrowserPage, words: RegExp, what: string, status = 200): void {
  assert.equal(
    page.status,
    status,
    `${what}: ${page.url} answered ${page.status}: ${page.text.slice(0, 500)}`,
  );
  assert.match(page.text, words, `${what}: ${page.url}`);
  done(what);
}

function done(what: string): void {
  console.log(`  ✓ ${what}`);
}

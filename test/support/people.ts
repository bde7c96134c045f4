/** People as tests need them: they sign up by the real forms, with real tokens, and keep their own cookies. */
import { type Knex } from 'knex';
import { type Response } from 'supertest';
import { formsOf, type HtmlForm, textOfHtml } from './html';
import { type Agent, type TestApp } from './test-app';

export interface Person {
  agent: Agent;
  id: string;
  name: string;
  email: string;
  password: string;
}

export interface OrganizerPerson extends Person {
  organizer: { id: string; name: string; slug: string };
}

export const PASSWORD = 'four quiet words here';

let people = 0;

/** A person who has just created an account, is signed in and has confirmed their address; unless it is said otherwise. */
export async function signUp(
  testApp: TestApp,
  person: { name?: string; email?: string; password?: string; confirmed?: boolean } = {},
): Promise<Person> {
  people += 1;
  const { name = `Ada Byron ${people}`, email = `ada${people}@people.example`, password = PASSWORD } = person;
  const agent = testApp.agent();
  const answer = await postForm(agent, '/sign-up', { name, email, password });
  if (answer.status !== 303) throw unexpected(testApp, 'Signing up', answer);
  const row = await testApp.db('users').where({ email }).first('id');
  const signedUp = { agent, id: row.id, name, email, password };
  if (person.confirmed !== false) await confirmEmail(testApp, signedUp);
  return signedUp;
}

/** Opens the link of the mail that came with signing up, and confirms. */
export async function confirmEmail(testApp: TestApp, person: Pick<Person, 'agent' | 'email'>): Promise<void> {
  const answer = await postForm(person.agent, await mailedLink(testApp.db, person.email, 'verify-email'));
  if (answer.status !== 303) throw unexpected(testApp, 'Confirming the address', answer);
}

/** The path of the link in the newest mail of this kind to this address. */
export async function mailedLink(db: Knex, recipient: string, template: string): Promise<string> {
  const mail = await db('mails').where({ recipient, template }).orderBy('id', 'desc').first('text_body');
  const url = /https?:\/\/\S+/.exec(mail?.text_body ?? '')?.[0];
  if (!url) throw new Error(`No link in a mail "${template}" to ${recipient}`);
  return new URL(url).pathname;
}

/** A signed-in person with an organizer whose desk they see. */
export async function signUpOrganizer(
  testApp: TestApp,
  options: { name?: string; email?: string; organizerName?: string } = {},
): Promise<OrganizerPerson> {
  const person = await signUp(testApp, options);
  const organizer = await createOrganizer(testApp, person, options.organizerName ?? 'Analytical Society');
  return { ...person, organizer };
}

/** One more organizer for this person; the desk is the new one's afterwards. */
export async function createOrganizer(
  testApp: TestApp,
  person: Person,
  name: string,
): Promise<OrganizerPerson['organizer']> {
  const answer = await postForm(person.agent, '/organizer/organizers/new', { name });
  if (answer.status !== 303) throw unexpected(testApp, 'Creating an organizer', answer);
  return testApp
    .db('organizers')
    .join('memberships', 'memberships.organizer_id', 'organizers.id')
    .where({ user_id: person.id })
    .orderBy('organizers.id', 'desc')
    .first('organizers.id', 'organizers.name', 'organizers.slug');
}

/** A signed-in person who was made an admin. */
export async function signUpAdmin(testApp: TestApp, options: { email?: string } = {}): Promise<Person> {
  const person = await signUp(testApp, { name: 'Grace Hopper', ...options });
  await testApp.db('users').where({ id: person.id }).update({ is_admin: true });
  return person;
}

export async function signIn(
  testApp: TestApp,
  person: Pick<Person, 'email' | 'password'>,
  agent = testApp.agent(),
): Promise<Agent> {
  const answer = await postForm(agent, '/sign-in', { email: person.email, password: person.password });
  if (answer.status !== 303) throw unexpected(testApp, 'Signing in', answer);
  return agent;
}

export interface PostOptions {
  /** Which form of the page, by its action; else the first one of the page's main part that is posted. */
  action?: string;
  /** Where a button's `formaction` sends it. */
  submitTo?: string;
}

/**
 * Opens a page and sends one of its forms as a browser would: with everything that stands in it (hidden fields and the
 * token too), changed by `fields`. `null` leaves a field out. A button's own field is given like any other.
 */
export async function postForm(
  agent: Agent,
  pageUrl: string,
  fields: Record<string, string | null> = {},
  options: PostOptions = {},
): Promise<Response> {
  const page = await agent.get(pageUrl);
  if (page.status !== 200)
    throw new Error(`GET ${pageUrl} answered ${page.status} ${page.headers.location ?? ''}`);
  const form = readForm(page, options.action);
  return agent
    .post(options.submitTo ?? form.action)
    .type('form')
    .set('Referer', new URL(pageUrl, testUrl(page)).href)
    .send(encode({ ...form.values, ...fields }));
}

/** A form of a page: where it goes, and what a browser would send as it stands. */
export function readForm(page: Response, action?: string): HtmlForm {
  const forms = formsOf(page.text).filter((form) => form.method.toLowerCase() === 'post');
  const form = action
    ? forms.find((candidate) => candidate.action === action)
    : forms.find((candidate) => candidate.inMain);
  if (!form) {
    const there = forms.map((candidate) => candidate.action).join(', ');
    throw new Error(`No posted form ${action ?? 'in the main part'} on this page; there are: ${there}`);
  }
  return form;
}

/** What a person reads on a page, in one line. */
export function textOf(page: Response): string {
  return textOfHtml(page.text);
}

/** A token that fits the agent's session, from any form of a page, for posts that are not made from a form. */
export async function csrfTokenOf(agent: Agent, pageUrl: string): Promise<string> {
  const token = formsOf((await agent.get(pageUrl)).text).find((form) => form.values['_csrf'])?.values[
    '_csrf'
  ];
  if (!token) throw new Error(`No token on ${pageUrl}`);
  return token;
}

function unexpected(testApp: TestApp, what: string, answer: Response): Error {
  const logged = answer.status >= 500 ? `\n${testApp.logs().slice(-2000)}` : '';
  return new Error(`${what} answered ${answer.status}: ${textOf(answer)}${logged}`);
}

function testUrl(page: Response): string {
  return (page as unknown as { request: { url: string } }).request.url;
}

function encode(fields: Record<string, string | null>): string {
  const encoded = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== null) encoded.append(name, value);
  return encoded.toString();
}

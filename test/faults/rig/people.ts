/** People with an account, signed in by the real form. */
import { createPasswords } from '../../../src/accounts/passwords';
import { newId } from '../../../src/lib/ids';
import { type Browser, createBrowser } from '../../support/browser';
import { type World } from './world';

const PASSWORD = 'four quiet words here';

/** A member of an organizer, or an admin where none is given. */
export async function signIn(world: World, organizerId: string | null): Promise<Browser> {
  const id = newId();
  const email = `person-${id}@people.example`;
  await world.db('users').insert({
    id,
    email,
    name: 'Ada',
    password_hash: await createPasswords().hash(PASSWORD),
    email_verified_at: world.db.fn.now(),
    is_admin: organizerId === null,
  });
  if (organizerId !== null)
    await world.db('memberships').insert({ user_id: id, organizer_id: organizerId, role: 'owner' });
  const browser = createBrowser();
  const page = await browser.submit(await browser.open(`${world.url}/sign-in`), {
    email,
    password: PASSWORD,
  });
  if (page.url.includes('/sign-in'))
    throw new Error(`Not signed in (${page.status}): ${page.text.slice(0, 300)}`);
  return browser;
}

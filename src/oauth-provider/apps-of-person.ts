import { type Knex } from 'knex';
import { createGrantsStore } from './grants-store';
import { findClient, type OAuthClient, SCOPE_WORDS } from './oauth-clients';

export interface AppOfPerson {
  clientId: string;
  name: string;
  /** "events and orders" */
  sees: string;
  lastUsed: Date | null;
}

/** The apps that a person lets in, for their account page: the one used last first. */
export async function listAppsOfPerson(
  db: Knex,
  clients: OAuthClient[],
  userId: string,
): Promise<AppOfPerson[]> {
  const apps = await createGrantsStore(db).listOfUser(userId);
  return apps.map(({ clientId, scopes, lastUsed }) => ({
    clientId,
    // one that was taken out of the settings can do nothing, and can be ended all the same
    name: findClient(clients, clientId)?.name ?? clientId,
    sees: scopes.map((scope) => SCOPE_WORDS[scope].short).join(' and '),
    lastUsed,
  }));
}

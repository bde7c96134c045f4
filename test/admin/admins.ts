import { type Response } from 'supertest';
import { type Person, postForm } from '../support/people';
import { type TestApp } from '../support/test-app';

/** Sends the form of an act, from its own page. */
export function act(admin: Person, page: string, fields: Record<string, string>): Promise<Response> {
  return postForm(admin.agent, page, fields);
}

/** The password of this person was given this long ago. */
export async function agePassword(testApp: TestApp, person: Person, minutes: number): Promise<void> {
  await testApp
    .db('sessions')
    .where({ user_id: person.id })
    .update({
      data: testApp.db.raw(
        `jsonb_set(data, '{authenticatedAt}', to_jsonb(extract(epoch from now())::int - ?::int))`,
        [minutes * 60],
      ),
    });
}

/** What the audit log holds of a subject, newest first. */
export function auditOf(testApp: TestApp, subjectId: string) {
  return testApp.db('audit_log').where({ subject_id: subjectId }).orderBy('id', 'desc');
}

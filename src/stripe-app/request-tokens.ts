/** Asks Stripe for tokens of the app, and notes what that says of the platform's own standing. */
import { writeSign } from '../connect/platform-signs';
import { type Dependencies } from '../dependencies';
import { type AppGrant } from '../stripe/app-oauth';
import { OAuthFailure } from '../stripe/oauth-request';

/** Answers the failure instead of throwing it, logged; `what` says what was not done. */
export async function requestTokens(
  { db, logger }: Pick<Dependencies, 'db' | 'logger'>,
  ask: () => Promise<AppGrant>,
  what: string,
  installationId: string | null = null,
): Promise<AppGrant | OAuthFailure> {
  try {
    const grant = await ask();
    await writeSign(db, 'app_oauth', { ok: true, detail: null });
    return grant;
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error;
    const { problem, code, requestId: stripeRequestId } = error;
    logger[problem === 'platform' ? 'error' : 'warn'](
      { installationId, problem, code, stripeRequestId },
      what,
    );
    if (problem === 'platform') await writeSign(db, 'app_oauth', { ok: false, detail: code });
    return error;
  }
}

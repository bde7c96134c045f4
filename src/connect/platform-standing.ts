/**
 * Whether Stripe lets organizers connect to this platform at all. Stripe shows its refusal to the person who was sent
 * there and tells us nothing (docs.stripe.com/connect/oauth-reference), so Foyer asks the same address before it sends
 * anybody. What is not a clear refusal keeps nobody from going.
 */
import { type Dependencies } from '../dependencies';
import { claimAsking, readSign, writeSign } from './platform-signs';

type StandingDependencies = Pick<Dependencies, 'db' | 'connectOAuth' | 'config' | 'logger'>;

/** Asks at most once a minute over all processes. Answers whether anybody can be sent to Stripe now. */
export async function mayConnectNow(dependencies: StandingDependencies): Promise<boolean> {
  await askRegistration(dependencies);
  return (await readSign(dependencies.db, 'oauth_registration'))?.ok ?? true;
}

export async function askRegistration({
  db,
  connectOAuth,
  config,
  logger,
}: StandingDependencies): Promise<void> {
  if (!(await claimAsking(db, 'oauth_registration'))) return;
  const answer = await connectOAuth.askRegistration(config.stripe.primary.livemode);
  if (answer.refused)
    logger.error({ code: answer.code }, 'Stripe does not let anybody connect to this platform');
  await writeSign(db, 'oauth_registration', { ok: !answer.refused, detail: answer.code });
}

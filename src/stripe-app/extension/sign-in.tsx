import { useEffect, useState } from 'react';
import { Box, Button, SignInView } from '@stripe/ui-extension-sdk/ui';
import { API_PATHS, type LoginAddress, type UserInfo } from '../contract';
import { useAnswer } from './use-answer';
import { type Foyer } from './use-foyer';
import { Refused, Waiting } from './waiting';

const LOOK_AGAIN_MS = 5_000;
/** Each look is a question to Stripe too: after three minutes the button is left. */
const LOOKS = 36;
const BRAND_COLOR = '#99184a';

/**
 * The sign-in happens in a window of its own, at Foyer. From the press on, this view looks for a while whether it is done;
 * who does not want to wait presses the button.
 */
export function SignIn({ foyer, onSignedIn }: { foyer: Foyer; onSignedIn: () => void }) {
  const { answer, ask } = useAnswer<LoginAddress>(foyer, API_PATHS.login());
  const [looks, setLooks] = useState(0);
  const [words, setWords] = useState<string | null>(null);
  const login = answer?.is === 'ok' ? answer.body : null;

  const look = async () => {
    const seen = await foyer.get<UserInfo>(API_PATHS.userinfo());
    if (seen.is === 'ok') onSignedIn();
    return seen;
  };

  // the address is for one sign-in and a short time: a new one takes its place when it is over
  useEffect(() => {
    if (!login) return;
    const renewal = setTimeout(() => {
      setLooks(0);
      ask();
    }, login.expiresIn * 1000);
    return () => clearTimeout(renewal);
  }, [login, ask]);

  useEffect(() => {
    if (looks === 0) return;
    const next = setTimeout(() => {
      setLooks(looks - 1);
      void look();
    }, LOOK_AGAIN_MS);
    return () => clearTimeout(next);
  }, [looks]);

  const onPressDone = async () => {
    const seen = await look();
    if (seen.is === 'refused') setWords(seen.words);
    else if (seen.is !== 'ok')
      setWords('Foyer has not seen you sign in yet. Finish in the other window, then press again.');
  };

  if (answer === null) return <Waiting words="Preparing the sign-in" />;
  if (!login)
    return (
      <Refused
        words={answer.is === 'refused' ? answer.words : 'Foyer can’t begin the sign-in at the moment.'}
        onRetry={ask}
      />
    );
  return (
    <SignInView
      description="Sign in to Foyer to see the order, the buyer and the tickets that a payment belongs to."
      brandColor={BRAND_COLOR}
      primaryAction={{
        label: 'Sign in to Foyer',
        href: login.url,
        target: '_blank',
        onPress: () => setLooks(LOOKS),
      }}
      footerContent={
        <Box css={{ stack: 'y', gap: 'small' }}>
          {words && <Box css={{ color: 'secondary' }}>{words}</Box>}
          <Button onPress={onPressDone}>I have signed in</Button>
        </Box>
      }
    />
  );
}

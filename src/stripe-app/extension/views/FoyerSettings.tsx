import { useState } from 'react';
import { Box, Button, Link, PropertyList, PropertyListItem, SettingsView } from '@stripe/ui-extension-sdk/ui';
import { type ExtensionContextValue } from '@stripe/ui-extension-sdk/context';
import { API_PATHS, type LoggedOut, type UserInfo } from '../../contract';
import { SignIn } from '../sign-in';
import { useAnswer } from '../use-answer';
import { type Foyer, useFoyer } from '../use-foyer';
import { Refused, Waiting } from '../waiting';

/** The app's page under the Dashboard's settings: who is signed in to Foyer, and the way out. */
export default function FoyerSettings(context: ExtensionContextValue) {
  const foyer = useFoyer(context);
  const { answer, ask } = useAnswer<UserInfo>(foyer, API_PATHS.userinfo());
  if (answer?.is === 'signed_out') return <SignIn foyer={foyer} onSignedIn={ask} />;
  return (
    <SettingsView>
      {answer === null && <Waiting words="Asking Foyer who you are" />}
      {answer?.is === 'ok' && <SignedIn user={answer.body} foyer={foyer} onSignedOut={ask} />}
      {answer?.is === 'refused' && <Refused words={answer.words} onRetry={ask} />}
      {answer?.is === 'not_found' && (
        <Refused words="This Foyer does not know the app. Ask whoever runs it." onRetry={ask} />
      )}
    </SettingsView>
  );
}

function SignedIn({ user, foyer, onSignedOut }: { user: UserInfo; foyer: Foyer; onSignedOut: () => void }) {
  const [signingOut, setSigningOut] = useState(false);
  const [words, setWords] = useState<string | null>(null);

  const signOut = async () => {
    setSigningOut(true);
    setWords(null);
    const answer = await foyer.post<LoggedOut>(API_PATHS.logout());
    setSigningOut(false);
    if (answer.is === 'refused') setWords(answer.words);
    else onSignedOut();
  };

  return (
    <Box css={{ stack: 'y', gap: 'large' }}>
      <PropertyList>
        <PropertyListItem label="Signed in to Foyer as" value={`${user.name} (${user.email})`} />
        <PropertyListItem
          label="Organizers"
          value={user.organizers.map(({ name }) => name).join(', ') || 'None yet'}
        />
      </PropertyList>
      {words && <Refused words={words} onRetry={signOut} />}
      <Box css={{ stack: 'x', gap: 'medium', alignY: 'center' }}>
        <Button onPress={signOut} pending={signingOut}>
          Sign out of Foyer
        </Button>
        <Link href={user.grantsUrl} target="_blank" external>
          See in Foyer what this app may do
        </Link>
      </Box>
    </Box>
  );
}

import { Banner, Box, Button, Spinner } from '@stripe/ui-extension-sdk/ui';

/** The first call, and every later one. */
export function Waiting({ words }: { words: string }) {
  return (
    <Box css={{ stack: 'x', gap: 'small', alignY: 'center', padding: 'large' }}>
      <Spinner size="small" />
      <Box>{words}</Box>
    </Box>
  );
}

/** What went wrong, and the way on. */
export function Refused({ words, onRetry }: { words: string; onRetry: () => void }) {
  return (
    <Banner
      type="critical"
      title="That did not work"
      description={words}
      actions={<Button onPress={onRetry}>Try again</Button>}
    />
  );
}

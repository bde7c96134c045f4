import { Box, ContextView } from '@stripe/ui-extension-sdk/ui';
import { type ExtensionContextValue } from '@stripe/ui-extension-sdk/context';
import { API_PATHS, type PaymentDetails } from '../../contract';
import { OrderDetails } from '../order-details';
import { SignIn } from '../sign-in';
import { useAnswer } from '../use-answer';
import { type Foyer, useFoyer } from '../use-foyer';
import { Refused, Waiting } from '../waiting';

/** Beside a payment in the Dashboard. (A default export: that is what Stripe's command line looks for.) */
export default function PaymentOrder(context: ExtensionContextValue) {
  const foyer = useFoyer(context);
  const payment = context.environment.objectContext;
  // Foyer is paid by payment intents alone; the Dashboard names a charge only where there is none
  if (payment?.object !== 'payment_intent') return <NoOrder />;
  return <OrderOf foyer={foyer} paymentId={payment.id} locale={context.userContext.locale} />;
}

function OrderOf({ foyer, paymentId, locale }: { foyer: Foyer; paymentId: string; locale: string }) {
  const { answer, ask } = useAnswer<PaymentDetails>(foyer, API_PATHS.payment(paymentId));
  switch (answer?.is) {
    case 'ok':
      return <OrderDetails details={answer.body} locale={locale} />;
    case 'signed_out':
      return <SignIn foyer={foyer} onSignedIn={ask} />;
    case 'not_found':
      return <NoOrder />;
    case 'refused':
      return (
        <ContextView title="Foyer">
          <Refused words={answer.words} onRetry={ask} />
        </ContextView>
      );
    default:
      return (
        <ContextView title="Foyer">
          <Waiting words="Looking for the order" />
        </ContextView>
      );
  }
}

function NoOrder() {
  return (
    <ContextView title="Foyer">
      <Box css={{ stack: 'y', gap: 'small' }}>
        <Box css={{ font: 'heading' }}>This payment is not one of Foyer’s orders</Box>
        <Box css={{ color: 'secondary' }}>
          It was taken elsewhere, or you are not a member of the organizer that sold it. Which of your Foyer
          accounts is signed in here stands in this app’s settings.
        </Box>
      </Box>
    </ContextView>
  );
}

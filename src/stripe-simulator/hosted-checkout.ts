import { type Router } from 'express';
import { type Simulator } from './context';

export function hostedCheckoutRoutes(_simulator: Simulator, _router: Router): void {}

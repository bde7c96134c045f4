import { type Router } from 'express';
import { type Simulator } from './context';

export function dashboardRoutes(_simulator: Simulator, _router: Router): void {}

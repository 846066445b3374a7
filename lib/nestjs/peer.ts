/** What is used of `@nestjs/common`, which only this folder needs and the application installs. */
import { peer } from '../peer';

/** A decorator of a class, a method or a parameter. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- decorators of Nest are of every kind
type Decorator = (...target: any[]) => void;

interface Common {
  Module: (metadata: object) => Decorator;
  Inject: (token: unknown) => Decorator;
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- only a call can be caught; written out, so that bundlers see it
export const { Module, Inject } = peer('@nestjs/common', 'hawser/nestjs', () => require('@nestjs/common') as Common);

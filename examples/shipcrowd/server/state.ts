/** Keys that must not be lost and that old and new code share, so that a switch in either direction loses nothing. */
import { number, text } from './env';

export const TOKEN_SECONDS = 12 * 3600;

export const jwtSecret = (): string => text('JWT_SECRET') ?? 'only for this example';
export const blacklistKey = (jti: string): string => `blacklist:${jti}`;

/** What express-rate-limit counts. */
export const API_LIMIT_PREFIX = 'rl:';
/** What the application's own limiter counts. */
export const limitKey = (what: string, who: string): string => `limit:${what}:${who}`;

export const WINDOW_SECONDS = 60;
export const limitPerMinute = (otherwise: number): number => number('RATE_LIMIT_PER_MINUTE', otherwise);

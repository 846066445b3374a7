/** Tokens, and the blacklist of those that were revoked. The blacklist is state: same keys as ever, raw commands. */
import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { ApiError } from '../../../app/errors';
import type { Claims, Tokens } from '../../../contract';
import { blacklistKey, jwtSecret, TOKEN_SECONDS } from '../../../state';
import type { SessionService } from '../../core/application/services/auth/session.service';
import { ifItAnswers } from '../../infrastructure/redis/raw-commands';
import { RedisManager } from '../../infrastructure/redis/redis.manager';

export class TokenService implements Tokens {
  constructor(protected readonly sessions: SessionService) {}

  async sign({ id, companyId }: { id: string; companyId: string | null }): Promise<string> {
    const jti = randomUUID();
    await this.sessions.begin(jti, id);
    return jwt.sign({ companyId }, jwtSecret(), { subject: id, jwtid: jti, expiresIn: TOKEN_SECONDS });
  }

  async verify(token: string): Promise<Claims> {
    const claims = claimsOf(token);
    if (await this.isRevoked(claims.jti)) throw new ApiError(401, 'unauthorized', 'this session has ended');
    return claims;
  }

  async revoke({ jti, exp }: Claims): Promise<void> {
    await this.sessions.end(jti);
    try {
      const redis = await RedisManager.getMainClient();
      await redis.set(blacklistKey(jti), '1', 'EX', Math.max(exp - Math.floor(Date.now() / 1000), 1));
    } catch (error) {
      // Other instances would go on accepting the token, so this is no success.
      console.error('[jwt] not revoked:', error);
      throw new ApiError(503, 'try_again', 'the session could not be ended everywhere');
    }
  }

  /** If Redis does not answer, the database does: slower, and as strict. */
  protected async isRevoked(jti: string): Promise<boolean> {
    try {
      return (await ifItAnswers((redis) => redis.exists(blacklistKey(jti)))) === 1;
    } catch {
      return this.sessions.hasEnded(jti);
    }
  }
}

function claimsOf(token: string): Claims {
  try {
    return jwt.verify(token, jwtSecret()) as unknown as Claims;
  } catch {
    throw new ApiError(401, 'unauthorized', 'this token is not valid');
  }
}

/** Tokens, and the blacklist of those that were revoked, with a client of its own. */
import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { ApiError } from '../../../app/errors';
import type { Claims, Tokens } from '../../../contract';
import { blacklistKey, jwtSecret, TOKEN_SECONDS } from '../../../state';
import type { SessionService } from '../../core/application/services/auth/session.service';
import { connect } from '../../infrastructure/utilities/ioredis';

export class TokenService implements Tokens {
  private readonly redis = connect('jwt');

  constructor(private readonly sessions: SessionService) {}

  async sign({ id, companyId }: { id: string; companyId: string | null }): Promise<string> {
    const jti = randomUUID();
    await this.sessions.begin(jti, id);
    return jwt.sign({ companyId }, jwtSecret(), { subject: id, jwtid: jti, expiresIn: TOKEN_SECONDS });
  }

  async verify(token: string): Promise<Claims> {
    const claims = claimsOf(token);
    if ((await this.redis.exists(blacklistKey(claims.jti))) === 1) throw new ApiError(401, 'unauthorized', 'this session has ended');
    return claims;
  }

  async revoke({ jti, exp }: Claims): Promise<void> {
    await this.sessions.end(jti);
    await this.redis.set(blacklistKey(jti), '1', 'EX', Math.max(exp - Math.floor(Date.now() / 1000), 1));
  }
}

function claimsOf(token: string): Claims {
  try {
    return jwt.verify(token, jwtSecret()) as unknown as Claims;
  } catch {
    throw new ApiError(401, 'unauthorized', 'this token is not valid');
  }
}

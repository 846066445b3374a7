/** The blacklist where there is no Redis: the database's sessions, asked for each request. */
import type { Claims } from '../contract';
import { TokenService } from '../after/shared/helpers/jwt';

export class MemoryTokenService extends TokenService {
  override async revoke({ jti }: Claims): Promise<void> {
    await this.sessions.end(jti);
  }

  protected override isRevoked(jti: string): Promise<boolean> {
    return this.sessions.hasEnded(jti);
  }
}

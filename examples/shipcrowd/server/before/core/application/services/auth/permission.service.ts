/** What a user may do: in this instance's memory and in Redis, and a channel of its own that tells the other instances. Three connections. */
import type { Permissions, Written } from '../../../../../contract';
import type { People } from '../../../../../database/people';
import { roleTag, userTag } from '../../../../../tags';
import type { Access, Permission, Role } from '../../../../../types';
import { connect } from '../../../../infrastructure/utilities/ioredis';
import { countRead } from '../../../../measure';
import { announce } from '../../../../shared/events/announce';

const CHANNEL = 'rbac:invalidate';
const TTL = 300;
const MEMORY_MS = 60_000;

export class PermissionService implements Permissions {
  private readonly redis = connect('permission.service');
  private readonly publisher = connect('permission.service:pub');
  private readonly subscriber = connect('permission.service:sub');
  private readonly memory = new Map<string, { access: Access | null; until: number }>();

  constructor(private readonly people: People) {
    this.subscriber.subscribe(CHANNEL).catch((error: Error) => console.warn(`[permissions] ${error.message}`));
    this.subscriber.on('message', (_channel, userId) => {
      if (userId === '*') this.memory.clear();
      else this.memory.delete(userId);
    });
  }

  async of(userId: string): Promise<Access | null> {
    const held = this.memory.get(userId);
    if (held !== undefined && held.until > Date.now()) {
      countRead('permissions', true);
      return held.access;
    }
    const cached = await this.redis.get(`perm:${userId}`);
    countRead('permissions', cached !== null);
    const access = cached === null ? await this.people.access(userId) : (JSON.parse(cached) as Access | null);
    if (cached === null) await this.redis.setex(`perm:${userId}`, TTL, JSON.stringify(access));
    this.memory.set(userId, { access, until: Date.now() + MEMORY_MS });
    return access;
  }

  async setRole(userId: string, role: Role): Promise<Written<boolean>> {
    const value = await this.people.setRole(userId, role);
    await this.redis.del(`perm:${userId}`);
    await this.publisher.publish(CHANNEL, userId);
    announce('PermissionService', userTag(userId));
    return { value, isVisible: true };
  }

  async setPermissions(role: Role, permissions: Permission[]): Promise<Written<void>> {
    await this.people.setPermissions(role, permissions);
    const keys = await this.redis.keys('perm:*');
    if (keys.length > 0) await this.redis.del(...keys);
    await this.publisher.publish(CHANNEL, '*');
    announce('PermissionService', roleTag(role));
    return { value: undefined, isVisible: true };
  }
}

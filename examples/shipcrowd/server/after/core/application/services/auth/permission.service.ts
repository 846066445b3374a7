/**
 * Tier 2: what a user may do. Every request asks, and the entries are shared, so what is revoked is refused by all instances as soon as
 * `invalidateTags` resolves: there is nothing in an instance's memory that a message would have to reach.
 */
import type { Permissions, Written } from '../../../../../contract';
import type { People } from '../../../../../database/people';
import { roleTag, userTag } from '../../../../../tags';
import { tiers } from '../../../../../tiers';
import type { Access, Permission, Role } from '../../../../../types';
import { CachedService } from '../../base/cached.service';

export class PermissionService extends CachedService implements Permissions {
  protected serviceName = 'permission';
  protected override tier = tiers.permissions;

  constructor(private readonly people: People) {
    super();
  }

  of(userId: string): Promise<Access | null> {
    return this.cache.getOrSet<Access | null>(userId, () => this.people.access(userId), {
      tags: [userTag(userId)],
      // Only the database knows the role.
      tagsFrom: ({ role }: Access) => [roleTag(role)],
    });
  }

  async setRole(userId: string, role: Role): Promise<Written<boolean>> {
    const value = await this.people.setRole(userId, role);
    return { value, isVisible: await this.invalidate(userTag(userId)) };
  }

  async setPermissions(role: Role, permissions: Permission[]): Promise<Written<void>> {
    await this.people.setPermissions(role, permissions);
    return { value: undefined, isVisible: await this.invalidate(roleTag(role)) };
  }

  private invalidate(tag: string): Promise<boolean> {
    this.tellOldCode(tag);
    return this.visible(this.cache.invalidateTags([tag]));
  }
}

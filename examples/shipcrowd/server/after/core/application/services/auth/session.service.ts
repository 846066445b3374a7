/** Sessions are in the database, so the migration leaves this file alone. */
import type { People } from '../../../../../database/people';

export class SessionService {
  constructor(private readonly people: People) {}

  begin(id: string, userId: string): Promise<void> {
    return this.people.beginSession(id, userId);
  }

  end(id: string): Promise<void> {
    return this.people.endSession(id);
  }

  hasEnded(id: string): Promise<boolean> {
    return this.people.hasEnded(id);
  }
}

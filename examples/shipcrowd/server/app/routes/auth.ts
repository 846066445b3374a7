/** Sign in, sign out, who am I. */
import { Router } from 'express';
import type { Services } from '../../contract';
import type { Tables } from '../../database';
import type { Person, User } from '../../types';
import { ApiError } from '../errors';
import { body, text } from '../input';
import { authenticate, claimsOf } from '../session';

export function authRoutes({ tokens, permissions, limits }: Services, { people }: Tables): Router {
  const routes = Router();

  const userOf = async (person: Person): Promise<User> => {
    const access = await permissions.of(person.id);
    if (access === null) throw new ApiError(401, 'unauthorized', 'this user does not exist any more');
    return { ...person, ...access };
  };

  routes.get('/demo/users', async (_request, response) => {
    const users = await people.toSignInAs();
    response.json(users.map(({ companyId, companyName, ...person }) => ({ ...person, company: companyId === null ? null : { id: companyId, name: companyName } })));
  });

  // A real backend asks for more than an address.
  routes.post('/auth/login', async (request, response) => {
    const email = text(body(request.body), 'email').toLowerCase();
    const wait = await limits.take('login', email);
    if (wait > 0) throw new ApiError(429, 'too_many_requests', `too many attempts; try again in ${wait} s`);
    const person = await people.byEmail(email);
    if (person === null) throw new ApiError(401, 'unauthorized', 'nobody has this address');
    response.json({ token: await tokens.sign(person), user: await userOf(person) });
  });

  routes.post('/auth/logout', authenticate(tokens), async (request, response) => {
    await tokens.revoke(claimsOf(request));
    response.status(204).end();
  });

  routes.get('/auth/me', authenticate(tokens), async (request, response) => {
    const person = await people.byId(claimsOf(request).sub);
    if (person === null) throw new ApiError(401, 'unauthorized', 'this user does not exist any more');
    response.json(await userOf(person));
  });

  return routes;
}

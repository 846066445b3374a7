import Redis from 'ioredis';
import type { NextFunction, Request, Response } from 'express';

export function requirePermission(permission: string) {
  return async (req: Request, res: Response, next: NextFunction) => {
    const redis = new Redis();
    const allowed = await redis.sismember(`permissions:${req.ip}`, permission);
    if (!allowed) return res.sendStatus(403);
    next();
  };
}

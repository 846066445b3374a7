/** Packages that parts of hawser need and the application installs. */

/** What `load` requires. An error of a package that is not there says who needs it and what to do. */
export function peer<T>(name: string, user: string, load: () => T): T {
  try {
    return load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'MODULE_NOT_FOUND' || !message.includes(name)) throw cause;
    throw Object.assign(new Error(`${user} needs the package ${name}, which is not installed: run npm install ${name}`, { cause }), { code });
  }
}

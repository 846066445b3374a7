'use strict';
/** The one inner path of ioredis that packages require: BullMQ 5 compares messages with this text. */
exports.CONNECTION_CLOSED_ERROR_MSG = require('../dist/observe/errors.js').CONNECTION_CLOSED_ERROR_MSG;

/** The message of the error with which a command on a closed client is rejected. */
export declare const CONNECTION_CLOSED_ERROR_MSG: string;

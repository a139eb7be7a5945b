/*
 * status.c - names of statuses, and the version.
 */
#include "status.h"

const char *qc_version(void)
{
    return QC_VERSION_STRING;
}

const char *qc_status_string(qc_status status)
{
    switch (status) {
    case QC_OK: return "success";
    case QC_ERROR_ARGUMENT: return "invalid argument";
    case QC_ERROR_MEMORY: return "out of memory";
    case QC_ERROR_IO: return "cannot read file";
    case QC_ERROR_FORMAT: return "damaged or inconsistent file";
    case QC_ERROR_UNSUPPORTED: return "not supported by this build";
    case QC_ERROR_TOO_SMALL: return "image too small";
    case QC_ERROR_TOO_LARGE: return "image or batch too large";
    case QC_ERROR_NUMERIC: return "result is not finite";
    case QC_CANCELLED: return "cancelled";
    }
    return "unknown status";
}

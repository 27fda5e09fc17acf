// Task management functions between the wire and the SCSI core.
#include "fabrics/iscsi/management.h"

namespace iscsi {

ManagementAnswer answer_of(scsi::TmfResponse response) {
  switch (response) {
    case scsi::TmfResponse::kFunctionComplete:
      return ManagementAnswer::kFunctionComplete;
    case scsi::TmfResponse::kFunctionSucceeded:
      return ManagementAnswer::kFunctionSucceeded;
    case scsi::TmfResponse::kFunctionRejected:
      return ManagementAnswer::kFunctionRejected;
    case scsi::TmfResponse::kIncorrectLun:
      return ManagementAnswer::kLunDoesNotExist;
    case scsi::TmfResponse::kTaskDoesNotExist:
      return ManagementAnswer::kTaskDoesNotExist;
    case scsi::TmfResponse::kNotSupported:
      return ManagementAnswer::kNotSupported;
  }
  return ManagementAnswer::kFunctionRejected;
}

bool core_function(ManagementFunction function, scsi::TaskFunction& out) {
  using scsi::TaskFunction;
  switch (function) {
    case ManagementFunction::kAbortTask:
      out = TaskFunction::kAbortTask;
      return true;
    case ManagementFunction::kAbortTaskSet:
      out = TaskFunction::kAbortTaskSet;
      return true;
    case ManagementFunction::kClearAca:
      out = TaskFunction::kClearAca;
      return true;
    case ManagementFunction::kClearTaskSet:
      out = TaskFunction::kClearTaskSet;
      return true;
    case ManagementFunction::kLogicalUnitReset:
      out = TaskFunction::kLogicalUnitReset;
      return true;
    case ManagementFunction::kTargetWarmReset:
    case ManagementFunction::kTargetColdReset:
      out = TaskFunction::kTargetReset;
      return true;
    case ManagementFunction::kQueryTask:
      out = TaskFunction::kQueryTask;
      return true;
    case ManagementFunction::kQueryTaskSet:
      out = TaskFunction::kQueryTaskSet;
      return true;
    case ManagementFunction::kITNexusReset:
      out = TaskFunction::kITNexusReset;
      return true;
    case ManagementFunction::kQueryAsynchronousEvent:
      out = TaskFunction::kQueryAsynchronousEvent;
      return true;
    case ManagementFunction::kTaskReassign:
      break;
  }
  return false;
}

bool affects_all_units(ManagementFunction function) {
  return function == ManagementFunction::kTargetWarmReset || function == ManagementFunction::kTargetColdReset ||
         function == ManagementFunction::kITNexusReset;
}

bool affects_task_sets(ManagementFunction function) {
  return affects_all_units(function) || function == ManagementFunction::kAbortTaskSet ||
         function == ManagementFunction::kClearTaskSet || function == ManagementFunction::kLogicalUnitReset;
}

}  // namespace iscsi

// Sense keys and additional sense codes that this target uses, named after the ASC text of SPC-5 annex F.
#pragma once

#include "scsi_core/sense.h"

namespace scsi {
namespace detail {
constexpr SenseCode not_ready(std::uint8_t asc, std::uint8_t ascq) { return {SenseKey::kNotReady, asc, ascq}; }
constexpr SenseCode medium_error(std::uint8_t asc, std::uint8_t ascq) { return {SenseKey::kMediumError, asc, ascq}; }
constexpr SenseCode hardware(std::uint8_t asc, std::uint8_t ascq) { return {SenseKey::kHardwareError, asc, ascq}; }
constexpr SenseCode illegal(std::uint8_t asc, std::uint8_t ascq) { return {SenseKey::kIllegalRequest, asc, ascq}; }
constexpr SenseCode attention(std::uint8_t asc, std::uint8_t ascq) { return {SenseKey::kUnitAttention, asc, ascq}; }
constexpr SenseCode data_protect(std::uint8_t asc, std::uint8_t ascq) { return {SenseKey::kDataProtect, asc, ascq}; }
constexpr SenseCode aborted(std::uint8_t asc, std::uint8_t ascq) { return {SenseKey::kAbortedCommand, asc, ascq}; }
}  // namespace detail

inline constexpr SenseCode kNoAdditionalSense{};

// NOT READY
inline constexpr SenseCode kLogicalUnitNotReadyCauseNotReportable = detail::not_ready(0x04, 0x00);
inline constexpr SenseCode kLogicalUnitBecomingReady = detail::not_ready(0x04, 0x01);
inline constexpr SenseCode kInitializingCommandRequired = detail::not_ready(0x04, 0x02);
inline constexpr SenseCode kManualInterventionRequired = detail::not_ready(0x04, 0x03);
inline constexpr SenseCode kFormatInProgress = detail::not_ready(0x04, 0x04);
inline constexpr SenseCode kMediumNotPresent = detail::not_ready(0x3a, 0x00);
inline constexpr SenseCode kMediumNotPresentTrayClosed = detail::not_ready(0x3a, 0x01);
inline constexpr SenseCode kMediumNotPresentTrayOpen = detail::not_ready(0x3a, 0x02);

// MEDIUM ERROR, MISCOMPARE
inline constexpr SenseCode kWriteError = detail::medium_error(0x0c, 0x00);
inline constexpr SenseCode kUnrecoveredReadError = detail::medium_error(0x11, 0x00);
inline constexpr SenseCode kMiscompareDuringVerify{SenseKey::kMiscompare, 0x1d, 0x00};

// HARDWARE ERROR
inline constexpr SenseCode kHardwareWriteError = detail::hardware(0x0c, 0x00);
inline constexpr SenseCode kLogicalUnitFailure = detail::hardware(0x3e, 0x01);
inline constexpr SenseCode kTimeoutOnLogicalUnit = detail::hardware(0x3e, 0x02);
inline constexpr SenseCode kInternalTargetFailure = detail::hardware(0x44, 0x00);

// ILLEGAL REQUEST
inline constexpr SenseCode kInvalidFieldInCommandInformationUnit = detail::illegal(0x0e, 0x03);
inline constexpr SenseCode kParameterListLengthError = detail::illegal(0x1a, 0x00);
inline constexpr SenseCode kInvalidCommandOperationCode = detail::illegal(0x20, 0x00);
inline constexpr SenseCode kLogicalBlockAddressOutOfRange = detail::illegal(0x21, 0x00);
inline constexpr SenseCode kInvalidFieldInCdb = detail::illegal(0x24, 0x00);
inline constexpr SenseCode kLogicalUnitNotSupported = detail::illegal(0x25, 0x00);
inline constexpr SenseCode kInvalidFieldInParameterList = detail::illegal(0x26, 0x00);
inline constexpr SenseCode kParameterNotSupported = detail::illegal(0x26, 0x01);
inline constexpr SenseCode kParameterValueInvalid = detail::illegal(0x26, 0x02);
inline constexpr SenseCode kInvalidReleaseOfPersistentReservation = detail::illegal(0x26, 0x04);
inline constexpr SenseCode kCommandSequenceError = detail::illegal(0x2c, 0x00);
inline constexpr SenseCode kSavingParametersNotSupported = detail::illegal(0x39, 0x00);
inline constexpr SenseCode kInvalidMessageError = detail::illegal(0x49, 0x00);
inline constexpr SenseCode kMediaLoadOrEjectFailed = detail::illegal(0x53, 0x00);
inline constexpr SenseCode kMediumRemovalPrevented = detail::illegal(0x53, 0x02);
inline constexpr SenseCode kInsufficientResources = detail::illegal(0x55, 0x03);
inline constexpr SenseCode kInsufficientRegistrationResources = detail::illegal(0x55, 0x04);

// UNIT ATTENTION
inline constexpr SenseCode kNotReadyToReadyChange = detail::attention(0x28, 0x00);  // medium may have changed
inline constexpr SenseCode kPowerOnResetOrBusDeviceReset = detail::attention(0x29, 0x00);
inline constexpr SenseCode kPowerOnOccurred = detail::attention(0x29, 0x01);
inline constexpr SenseCode kScsiBusResetOccurred = detail::attention(0x29, 0x02);
inline constexpr SenseCode kBusDeviceResetFunctionOccurred = detail::attention(0x29, 0x03);
inline constexpr SenseCode kDeviceInternalReset = detail::attention(0x29, 0x04);
inline constexpr SenseCode kITNexusLossOccurred = detail::attention(0x29, 0x07);
inline constexpr SenseCode kParametersChanged = detail::attention(0x2a, 0x00);
inline constexpr SenseCode kModeParametersChanged = detail::attention(0x2a, 0x01);
inline constexpr SenseCode kReservationsPreempted = detail::attention(0x2a, 0x03);
inline constexpr SenseCode kReservationsReleased = detail::attention(0x2a, 0x04);
inline constexpr SenseCode kRegistrationsPreempted = detail::attention(0x2a, 0x05);
inline constexpr SenseCode kCapacityDataHasChanged = detail::attention(0x2a, 0x09);
inline constexpr SenseCode kPreviousBusyStatus = detail::attention(0x2c, 0x07);
inline constexpr SenseCode kPreviousTaskSetFullStatus = detail::attention(0x2c, 0x08);
inline constexpr SenseCode kPreviousReservationConflictStatus = detail::attention(0x2c, 0x09);
inline constexpr SenseCode kCommandsClearedByAnotherInitiator = detail::attention(0x2f, 0x00);
inline constexpr SenseCode kCommandsClearedByPowerLoss = detail::attention(0x2f, 0x01);
inline constexpr SenseCode kThinProvisioningSoftThresholdReached = detail::attention(0x38, 0x07);
inline constexpr SenseCode kInquiryDataHasChanged = detail::attention(0x3f, 0x03);
inline constexpr SenseCode kReportedLunsDataHasChanged = detail::attention(0x3f, 0x0e);
inline constexpr SenseCode kOperatorMediumRemovalRequest = detail::attention(0x5a, 0x01);

// DATA PROTECT
inline constexpr SenseCode kWriteProtected = detail::data_protect(0x27, 0x00);
inline constexpr SenseCode kHardwareWriteProtected = detail::data_protect(0x27, 0x01);
inline constexpr SenseCode kLogicalUnitSoftwareWriteProtected = detail::data_protect(0x27, 0x02);
inline constexpr SenseCode kSpaceAllocationFailedWriteProtect = detail::data_protect(0x27, 0x07);
inline constexpr SenseCode kPersistentReservationInformationLost = detail::data_protect(0x44, 0x01);

// ABORTED COMMAND
inline constexpr SenseCode kAbortedCommandNoAdditionalSense = detail::aborted(0x00, 0x00);
inline constexpr SenseCode kUnexpectedUnsolicitedData = detail::aborted(0x0c, 0x0c);  // RFC 7143 11.4.7.2
inline constexpr SenseCode kNotEnoughUnsolicitedData = detail::aborted(0x0c, 0x0d);   // RFC 7143 11.4.7.2
inline constexpr SenseCode kLogicalBlockGuardCheckFailed = detail::aborted(0x10, 0x01);
inline constexpr SenseCode kLogicalBlockApplicationTagCheckFailed = detail::aborted(0x10, 0x02);
inline constexpr SenseCode kLogicalBlockReferenceTagCheckFailed = detail::aborted(0x10, 0x03);
inline constexpr SenseCode kProtocolServiceCrcError = detail::aborted(0x47, 0x05);  // RFC 7143 11.4.7.2
inline constexpr SenseCode kDataPhaseError = detail::aborted(0x4b, 0x00);
inline constexpr SenseCode kOverlappedCommandsAttempted = detail::aborted(0x4e, 0x00);

}  // namespace scsi

#include "volume/dicom_modules.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

namespace fovea::io {

std::vector<std::string> drop_invalid(DcmDataset& dataset) {
  std::vector<DcmTag> invalid;
  for (unsigned long i = 0; i < dataset.card(); ++i) {
    DcmElement* element = dataset.getElement(i);
    if (element->getGTag() > 0x0020) break;
    if (element->ident() != EVR_UI && element->ident() != EVR_SQ && element->checkValue().bad())
      invalid.push_back(element->getTag());
  }
  std::vector<std::string> names;
  for (DcmTag& tag : invalid) {
    names.emplace_back(tag.getTagName());
    dataset.findAndDeleteElement(tag);
  }
  return names;
}

}  // namespace fovea::io

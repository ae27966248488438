/* Names of codes, [Chinese, English]: the same as in the written report (a test compares them). */
import { isEnglish } from "./language.js";

export const CATEGORIES = {
  threat: ["威胁恐吓", "threat"],
  insult: ["侮辱谩骂", "insult"],
  third_party_disclosure: ["向第三方泄露", "third-party disclosure"],
};

export const SUBTYPES = {
  threat: {
    violence: ["人身伤害", "violence"],
    family: ["针对家人", "family"],
    home_visit_intimidation: ["上门恐吓", "intimidating visit"],
    detention_or_arrest: ["虚假抓捕或司法后果", "false arrest or court step"],
    exposure: ["曝光", "exposure"],
    livelihood: ["影响工作生活", "livelihood"],
    harassment: ["骚扰轰炸", "harassment"],
    veiled: ["暗示性威胁", "veiled"],
    self_harm: ["诱逼自残", "self-harm"],
  },
  insult: {
    profanity: ["脏话", "profanity"],
    name_calling: ["辱骂称呼", "name-calling"],
    mockery: ["嘲讽贬损", "mockery"],
    curse: ["诅咒", "curse"],
    discrimination: ["歧视", "discrimination"],
    obscene: ["淫秽羞辱", "obscene"],
  },
  third_party_disclosure: {
    to_third_party: ["向他人透露债务", "told a third party"],
    reported: ["自称已告知他人", "says others were told"],
    announced: ["扬言告知他人", "announces telling others"],
    demand_payment: ["向他人催款", "demands payment of others"],
    personal_data: ["泄露个人信息", "personal data"],
  },
};

export const ROLES = {
  collector: ["催收方", "collector"],
  debtor: ["借款人", "debtor"],
  third_party: ["第三方", "third party"],
  unknown: ["身份不明", "unknown"],
};

export const OBSERVATIONS = {
  impersonation: ["自称公检法等机关(身份待核实)", "claims an official identity"],
  deception: ["可能的误导陈述", "possibly misleading"],
  induce_borrowing: ["诱导借新还旧", "induces new borrowing"],
  illegal_fee_or_private_account: ["私人账户或额外收费", "private account or extra fee"],
  no_identification: ["不表明身份", "refuses to identify"],
  info_probing: ["刺探个人信息", "prying"],
  harassment_refused_contact: ["明确拒绝后仍联系", "contact after refusal"],
};

export const ANSWERED_BY = {
  debtor: ["本人", "the borrower"],
  spouse: ["配偶", "spouse"],
  parent: ["父母", "parent"],
  child: ["子女", "child"],
  relative: ["亲属", "relative"],
  colleague: ["同事", "colleague"],
  employer: ["雇主", "employer"],
  friend: ["朋友", "friend"],
  neighbour: ["邻居", "neighbour"],
  guarantor: ["担保人", "guarantor"],
  co_borrower: ["共同借款人", "co-borrower"],
  other: ["其他", "other"],
};

export const LENDERS = {
  bank: ["银行", "bank"],
  consumer_finance: ["消费金融", "consumer finance"],
  microloan: ["小贷", "microloan"],
  platform: ["助贷平台", "platform"],
  unlicensed: ["未持牌", "unlicensed"],
  unknown: ["不明", "unknown"],
};

/* Where the machine knows something from. */
export const SOURCES = {
  user: ["使用者指定", "set by the user"],
  inferred: ["按说话内容推断", "inferred from the words"],
  case: ["案情文件", "facts given"],
  call_log: ["通话记录", "call log"],
  container: ["文件内的创建时间", "creation time in the file"],
  file_name: ["文件名", "file name"],
  stated: ["使用者陈述", "as stated by the user"],
  high: ["高", "high"],
  medium: ["中", "medium"],
  low: ["低", "low"],
};

export const STEPS = {
  read: ["读取录音", "Reading the recording"],
  load: ["正在准备", "Getting ready"],
  transcribe: ["把说话变成文字", "Turning speech into text"],
  classify: ["分辨谁在说话、查找疑似内容", "Telling voices apart, looking for suspected content"],
  listen: ["准备试听", "Preparing the sound"],
};

/* A code that is not known is shown as it is. */
export const nameOf = (names, code) => names[code]?.[isEnglish() ? 1 : 0] ?? String(code ?? "");

export const subtypeName = (category, subtype) => nameOf(SUBTYPES[category] ?? {}, subtype);

"""What a list of words finds: the yardstick beside the word model in `models.evaluate`.

Fewer than ninety words and phrases, as the quality control of a call centre lists them: dirty
words, plain threats, and the usual ways to speak of telling others. A turn is flagged with a
label when one of its words stands in the turn, in simplified characters or traditional ones.
The list was written down before it was measured and is not tuned to the corpus.
"""

from detector.text import normalise

WORDS: dict[str, tuple[str, ...]] = {
    "threat": (
        "弄死", "打死", "砍死", "杀了你", "打断", "废了你", "卸你", "揍", "要你好看", "收拾你",
        "抓你", "抓人", "坐牢", "判刑", "拘留", "逮捕", "通缉", "刑事", "上门堵", "堵门",
        "泼油漆", "爆通讯录", "曝光", "群发", "呼死你", "轰炸", "后果自负", "走着瞧", "等着瞧",
        "小心点", "掂量", "别怪我", "跳楼", "去死", "丢工作", "开除",
    ),
    "insult": (
        "他妈", "你妈", "妈的", "操你", "傻逼", "草泥马", "狗日", "王八", "混蛋", "畜生", "滚",
        "废物", "垃圾", "人渣", "败类", "无赖", "老赖", "骗子", "不要脸", "脸皮", "贱", "婊子",
        "白痴", "脑残", "神经病", "穷鬼", "孙子", "死全家", "不得好死", "断子绝孙", "丢人",
    ),
    "third_party_disclosure": (
        "告诉你父母", "告诉你家人", "通知你家人", "通知家人", "告诉你领导", "通知你单位",
        "联系你单位", "联系你家人", "打给你同事", "通讯录", "紧急联系人", "你儿子欠", "你女儿欠",
        "他欠", "她欠", "欠我们", "替他还", "帮他还", "替她还", "代他还", "垫付",
    ),
}  # fmt: skip


def keyword_labels(text: str) -> tuple[str, ...]:
    """Return the labels one of whose words stands in the text."""
    simple = normalise(text)
    return tuple(label for label, words in WORDS.items() if any(word in simple for word in words))

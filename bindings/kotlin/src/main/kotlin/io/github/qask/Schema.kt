// JSON schemas of Kotlin types, from their serializers.
@file:OptIn(ExperimentalSerializationApi::class)

package io.github.qask

import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerialInfo
import kotlinx.serialization.SerializationException
import kotlinx.serialization.descriptors.PolymorphicKind
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.SerialKind
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.descriptors.elementDescriptors
import kotlinx.serialization.descriptors.elementNames
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.serializer

/** Says to the model what a property is. */
@SerialInfo
@Target(AnnotationTarget.PROPERTY, AnnotationTarget.CLASS)
annotation class Description(val text: String)

/** The least and the largest number that a property may have. */
@SerialInfo
@Target(AnnotationTarget.PROPERTY)
annotation class Limits(val least: Long = Long.MIN_VALUE, val most: Long = Long.MAX_VALUE)

/** How long a text or a list may be. */
@SerialInfo
@Target(AnnotationTarget.PROPERTY)
annotation class Size(val least: Int = 0, val most: Int = Int.MAX_VALUE)

/** A regular expression that a text has to match. */
@SerialInfo
@Target(AnnotationTarget.PROPERTY)
annotation class Pattern(val regex: String)

/**
 * The JSON schema of a `@Serializable` type: properties in their order, required where they have no default. [Description],
 * [Limits], [Size] and [Pattern] say more. A type that no schema describes is [QaskException.Json].
 */
inline fun <reified T> schemaOf(): String = schemaOf(serializer<T>())

/** The JSON schema of what a serializer writes. */
fun schemaOf(serializer: KSerializer<*>): String = schema(serializer.descriptor, emptyList(), 0).toString()

/** What an answer says, as a value. */
internal fun <T> valueOf(json: String, type: DeserializationStrategy<T>): T = try {
    Json.decodeFromString(type, json)
} catch (e: SerializationException) {
    // Its message quotes the answer.
    throw QaskException.Json("the answer does not fit into ${type.descriptor.serialName}")
}

private fun schema(type: SerialDescriptor, said: List<Annotation>, depth: Int): JsonObject {
    if (depth > 32) throw QaskException.Json("${type.serialName} has no JSON schema: it holds itself")
    if (type.isInline) return schema(type.getElementDescriptor(0), said, depth + 1)
    val bare = buildJsonObject {
        when (val kind = type.kind) {
            PrimitiveKind.STRING, PrimitiveKind.CHAR -> put("type", "string")
            PrimitiveKind.BOOLEAN -> put("type", "boolean")
            PrimitiveKind.BYTE, PrimitiveKind.SHORT, PrimitiveKind.INT, PrimitiveKind.LONG -> put("type", "integer")
            PrimitiveKind.FLOAT, PrimitiveKind.DOUBLE -> put("type", "number")
            SerialKind.ENUM -> putJsonArray("enum") { type.elementNames.forEach { add(it) } }
            StructureKind.LIST -> {
                put("type", "array")
                put("items", schema(type.getElementDescriptor(0), emptyList(), depth + 1))
            }
            StructureKind.MAP -> {
                put("type", "object")
                put("additionalProperties", schema(type.getElementDescriptor(1), emptyList(), depth + 1))
            }
            StructureKind.CLASS, StructureKind.OBJECT -> {
                put("type", "object")
                put("properties", buildJsonObject {
                    type.elementDescriptors.forEachIndexed { i, element ->
                        put(type.getElementName(i), schema(element, type.getElementAnnotations(i), depth + 1))
                    }
                })
                putJsonArray("required") {
                    type.elementNames.forEachIndexed { i, name -> if (!type.isElementOptional(i)) add(name) }
                }
                put("additionalProperties", false)
            }
            is PolymorphicKind, SerialKind.CONTEXTUAL ->
                throw QaskException.Json("${type.serialName} has no JSON schema: it is $kind")
        }
        (said + type.annotations).forEach { say(it, type.kind) }
    }
    if (!type.isNullable) return bare
    return buildJsonObject {
        putJsonArray("anyOf") {
            add(bare)
            add(buildJsonObject { put("type", "null") })
        }
    }
}

private fun JsonObjectBuilder.say(it: Annotation, kind: SerialKind) {
    fun unless(default: Number, key: String, value: Number) = if (value != default) put(key, JsonPrimitive(value)) else null
    when (it) {
        is Description -> put("description", it.text)
        is Pattern -> put("pattern", it.regex)
        is Limits -> {
            unless(Long.MIN_VALUE, "minimum", it.least)
            unless(Long.MAX_VALUE, "maximum", it.most)
        }
        is Size -> {
            val what = if (kind == StructureKind.LIST) "Items" else "Length"
            unless(0, "min$what", it.least)
            unless(Int.MAX_VALUE, "max$what", it.most)
        }
    }
}
